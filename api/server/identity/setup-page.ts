import { hash } from "node:crypto";

const style = `
body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem;color:#1b2733;background:#fff}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #6b7785;border-radius:4px}
button{margin-top:1.5rem;padding:.6rem 1.2rem;font:inherit;border:0;border-radius:4px;background:#0b5cad;color:#fff}
[role=status]{margin-top:1rem;white-space:pre-wrap}
`;

// What follows # is never sent by a browser: it is in no log and in no Referer.
const script = `
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form");
const said = document.querySelector("[role=status]");
if (token === "") said.textContent = "This address lacks its secret: open the link as the server printed it.";
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, email, password, again } = Object.fromEntries(new FormData(form));
  if (password !== again) { said.textContent = "The two passwords differ."; return; }
  const headers = { "content-type": "application/json", "lighthouse-csrf": "1" };
  const body = JSON.stringify({ token, name, email, password });
  said.textContent = "Working …";
  try {
    const answer = await fetch("/auth/setup", { method: "POST", headers, body });
    const { message } = await answer.json();
    said.textContent = answer.ok ? "Done. You can log in now: lighthouse login --server " + location.origin : message;
    if (answer.ok) form.remove();
  } catch {
    said.textContent = "The server could not be reached.";
  }
});
`;

/** The page that asks for the first user. It loads nothing but itself. */
export const setupPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Lighthouse: first user</title>
<style>${style}</style>
</head>
<body>
<h1>First user</h1>
<p>This user may do everything. The link works once.</p>
<form>
<label for="name">Name</label>
<input id="name" name="name" required autocomplete="username" autocapitalize="none" maxlength="253">
<label for="email">Email</label>
<input id="email" name="email" type="email" required autocomplete="email" maxlength="254">
<label for="password">Password, at least 12 characters</label>
<input id="password" name="password" type="password" required minlength="12" maxlength="1024" autocomplete="new-password">
<label for="again">The same again</label>
<input id="again" name="again" type="password" required autocomplete="new-password">
<button>Make this user</button>
</form>
<p role="status"></p>
<noscript><p>This page needs JavaScript. Without it: docs/users.md says how to use curl.</p></noscript>
<script>${script}</script>
</body>
</html>
`;

const digest = (text: string): string => `'sha256-${hash("sha256", text, "base64")}'`;

/** Headers of the page: nothing runs and nothing is loaded but what is on it, and nobody frames it. */
export const setupPageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    `script-src ${digest(script)}`,
    `style-src ${digest(style)}`,
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
};
