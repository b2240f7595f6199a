import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { connect, type SecureVersion } from "node:tls";
import type { Facts } from "./facts.ts";
import { servingName } from "./server-checks.ts";

const versions: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const patienceMs = 5_000;

type Listener = { readonly host: string; readonly port: number; readonly ca?: string };

type Spoken = { readonly version: SecureVersion; readonly endMs: number };

/** Whether the listener speaks a version, as a stranger would; `undefined`: it does not. */
function speak({ host, port }: Listener, version: SecureVersion): Promise<Spoken | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      minVersion: version,
      maxVersion: version,
      // Old versions need old ciphers on our side, else we would refuse, not the listener.
      ciphers: "DEFAULT:@SECLEVEL=0",
      rejectUnauthorized: false,
    });
    const end = (spoken?: Spoken): void => {
      socket.destroy();
      resolve(spoken);
    };
    socket.setTimeout(patienceMs, () => end());
    socket.once("error", () => end());
    socket.once("secureConnect", () => {
      const endMs = Date.parse(socket.getPeerX509Certificate()?.validTo ?? "");
      end({ version, endMs });
    });
  });
}

/** The code of a list of Namespaces without credentials. */
function askAsNobody({ host, port, ca }: Listener): Promise<number | undefined> {
  return new Promise((resolve) => {
    const path = "/api/v1/namespaces";
    const asked = request({ host, port, path, ...(ca === undefined ? {} : { ca }), agent: false });
    asked.setTimeout(patienceMs, () => asked.destroy());
    asked.once("error", () => resolve(undefined));
    asked.once("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.end();
  });
}

function endsOf(
  authority: string | undefined,
  spoken: readonly Spoken[],
): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  const [first] = spoken;
  if (first !== undefined) ends.set(servingName, first.endMs);
  if (authority === undefined) return ends;
  ends.set("authority", Date.parse(new X509Certificate(authority).validTo));
  return ends;
}

/** What a listener tells strangers. */
export async function gatherListener(
  server: string,
  ca: string | undefined,
): Promise<Partial<Facts>> {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, "");
  const listener = { host, port: Number(port || 443), ...(ca === undefined ? {} : { ca }) };
  const [code, ...tried] = await Promise.all([
    askAsNobody(listener),
    ...versions.map((version) => speak(listener, version)),
  ]);
  const spoken = tried.filter((one) => one !== undefined);
  return {
    ...(code === undefined ? {} : { anonymousCode: code }),
    ...(spoken.length === 0 ? {} : { protocols: spoken.map(({ version }) => version) }),
    certificates: endsOf(ca, spoken),
  };
}
