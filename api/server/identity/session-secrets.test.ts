import { expect, test } from "vitest";
import { accessMs, graceMs, mintCookie, mintPair, opens, refreshPair } from "./session-secrets.ts";
import { newSessionName, parseSessionToken, type SessionToken } from "./session-token.ts";

const session = newSessionName();

function parsed(text: string): SessionToken {
  const token = parseSessionToken(text);
  if (token === undefined) throw new Error(`Cannot parse ${text}`);
  return token;
}

function refreshed(secrets: Parameters<typeof refreshPair>[0], token: string, nowMs: number) {
  const outcome = refreshPair(secrets, parsed(token), nowMs);
  if (typeof outcome === "string") throw new Error(`Cannot refresh: ${outcome}`);
  return outcome;
}

test("tokens say what they are for, and nothing else opens anything", () => {
  const { secrets, tokens } = mintPair(session, 0);
  expect(parsed(tokens.access)).toMatchObject({ kind: "access", session });
  expect(opens(secrets, parsed(tokens.access), 0)).toBe(true);
  expect(opens(secrets, parsed(tokens.access), accessMs)).toBe(false);
  expect(opens(secrets, parsed(tokens.refresh), 0)).toBe(false);
  expect(opens(secrets, { ...parsed(tokens.access), kind: "cookie" }, 0)).toBe(false);
  const cookie = mintCookie(session);
  expect(opens(cookie.secrets, parsed(cookie.tokens), accessMs * 1_000)).toBe(true);
  expect(opens(cookie.secrets, { ...parsed(cookie.tokens), kind: "access" }, 0)).toBe(false);
});

test("secrets hold no token", () => {
  const { secrets, tokens } = mintPair(session, 0);
  const stored = JSON.stringify(secrets);
  for (const { secret } of [parsed(tokens.access), parsed(tokens.refresh)]) {
    expect(stored).not.toContain(secret.slice(0, 43));
    expect(stored).not.toContain(secret.slice(43) || secret);
  }
});

test("refreshPair() knows every token of the session again, however old", () => {
  const first = mintPair(session, 0);
  let current = first;
  for (let turn = 1; turn <= 20; turn++) {
    current = refreshed(current.secrets, current.tokens.refresh, turn * graceMs);
  }
  const late = 21 * graceMs;
  expect(refreshPair(current.secrets, parsed(first.tokens.refresh), late)).toBe("replayed");
  const foreign = mintPair(session, 0).tokens.refresh;
  expect(refreshPair(current.secrets, parsed(foreign), late)).toBe("unknown");
  expect(refreshPair(current.secrets, parsed(current.tokens.access), late)).toBe("unknown");
});

test("refreshPair() answers again for a while, and only the newest answer goes on", () => {
  const first = mintPair(session, 0);
  const one = refreshed(first.secrets, first.tokens.refresh, 1_000);
  const two = refreshed(one.secrets, first.tokens.refresh, 1_000 + graceMs - 1);
  const now = 1_000 + graceMs;
  expect(opens(two.secrets, parsed(one.tokens.access), now)).toBe(true);
  expect(refreshPair(two.secrets, parsed(one.tokens.refresh), now)).toBe("replayed");
  expect(refreshPair(two.secrets, parsed(first.tokens.refresh), now)).toBe("replayed");
  expect(typeof refreshPair(two.secrets, parsed(two.tokens.refresh), now)).toBe("object");
});

test("a clock that is set back makes no used token good again", () => {
  const first = mintPair(session, 0);
  const hourMs = 3_600_000;
  const { secrets } = refreshed(first.secrets, first.tokens.refresh, hourMs);
  expect(refreshPair(secrets, parsed(first.tokens.refresh), 0)).toBe("replayed");
  expect(typeof refreshPair(secrets, parsed(first.tokens.refresh), hourMs - 1_000)).toBe("object");
});

test("answers that get lost again and again pile nothing up", () => {
  const first = mintPair(session, 0);
  let { secrets } = refreshed(first.secrets, first.tokens.refresh, 1);
  for (let i = 2; i < 50; i++) ({ secrets } = refreshed(secrets, first.tokens.refresh, i));
  expect(secrets.accesses).toHaveLength(4);
});

test.each([
  "",
  "lhs_",
  `lhs_${session}`,
  `lhs_${session}_short`,
  `lhx_${session}_${"A".repeat(43)}`,
  `lhs_${session.toUpperCase()}_${"A".repeat(43)}`,
  `lhs_../users_${"A".repeat(43)}`,
  `lhs_${session}_${"A".repeat(43)}\n`,
  `lhs_${session}_${"A".repeat(200)}`,
])("parseSessionToken() takes no %j", (text) => {
  expect(parseSessionToken(text)).toBeUndefined();
});
