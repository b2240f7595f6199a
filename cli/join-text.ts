import { readFile } from "node:fs/promises";
import { authorityHash, authorityPath, formatJoinLink } from "../api/client/join-link.ts";
import { containerLabel } from "../crds/labels.ts";
import { type Call, Misuse, text } from "./command.ts";
import { paintError } from "./output.ts";
import { readText } from "./read.ts";
import { productVersion } from "./version.ts";

const unit = new URL("../manifests/agent/lighthouse-agent.service", import.meta.url);

/** `'` cannot stand in what shells take in quotes; nothing of ours has one. */
const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The API server as agents shall reach it. @throws Misuse */
function serverOf(call: Call, own: string): string {
  const given = text(call.flags, "server");
  if (given === undefined) return own;
  const url = given.includes("://") ? given : `https://${given}`;
  if (URL.canParse(url) && url.startsWith("https://")) return url;
  throw new Misuse(`--server must be HOST:PORT, is "${given}"`);
}

function warnOfLoopback(call: Call, server: string): void {
  const { hostname } = new URL(server);
  if (!/^(localhost|127\..*|\[::1\])$/.test(hostname)) return;
  const { io } = call;
  io.err(
    `${paintError(io, "yellow", "Warning:")} ${hostname} is this machine alone; name the address that agents use with --server HOST:PORT\n`,
  );
}

/** The link by which hosts join with a token. The pin comes from the server that the kubeconfig trusts. */
export async function joinLink(call: Call, token: string, beacon: string): Promise<string> {
  const { client, server: own } = await call.connect();
  const answer = await client.raw(
    { method: "GET", path: authorityPath, accept: "*/*" },
    call.signal,
  );
  const caHash = authorityHash(await readText(answer));
  const server = serverOf(call, own);
  warnOfLoopback(call, server);
  return formatJoinLink({ server, token, caHash, ...(beacon === "" ? {} : { beacon }) });
}

function dockerText(call: Call, link: string): string {
  const image = text(call.flags, "image") ?? `lighthouse-agent:${productVersion}`;
  return [
    "docker run -d --name lighthouse-agent --restart always",
    // Without a name of its own the beacon is called as the host.
    '--hostname "$(hostname)"',
    "-v /var/run/docker.sock:/var/run/docker.sock",
    // Its key is in there: who may use Docker through Lighthouse may not have that.
    `--label ${containerLabel.agent}=true`,
    `--mount type=volume,source=lighthouse-agent,target=/var/lib/lighthouse-agent,volume-label=${containerLabel.agent}=true`,
    `-e LIGHTHOUSE_JOIN=${quoted(link)}`,
    image,
  ].join(" \\\n  ");
}

async function systemdText(link: string): Promise<string> {
  return [
    "install -d -m 0700 /etc/lighthouse",
    `(umask 077; echo LIGHTHOUSE_JOIN=${quoted(link)} > /etc/lighthouse/agent.env)`,
    "cat > /etc/systemd/system/lighthouse-agent.service <<'EOF'",
    (await readFile(unit, "utf8")).trimEnd(),
    "EOF",
    "systemctl daemon-reload",
    "systemctl enable --now lighthouse-agent",
  ].join("\n");
}

/** How to join with a link, as `--print` asks for it. */
export async function joinText(call: Call, link: string): Promise<string> {
  switch (text(call.flags, "print") ?? "command") {
    case "docker":
      return `${dockerText(call, link)}\n`;
    case "systemd":
      return `${await systemdText(link)}\n`;
    case "link":
      return `${link}\n`;
    default:
      return `lighthouse agent --join ${quoted(link)}\n`;
  }
}
