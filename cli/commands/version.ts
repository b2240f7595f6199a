import { stringify } from "yaml";
import { type Run, text } from "../command.ts";
import { readJson } from "../read.ts";
import { productVersion } from "../version.ts";

type ServerVersion = { readonly gitVersion: string };

/** `lighthouse version`. */
export const runVersion: Run = async (call) => {
  const client = { version: productVersion, node: process.versions.node };
  let server: ServerVersion | undefined;
  let problem: string | undefined;
  if (call.flags["client"] !== true) {
    try {
      const session = await call.connect();
      server = await readJson<ServerVersion>(session.client, "/version");
    } catch (err) {
      problem = err instanceof Error ? err.message : String(err);
    }
  }
  const format = text(call.flags, "output");
  const all = { client, ...(server === undefined ? {} : { server }) };
  if (format === "json") call.io.out(`${JSON.stringify(all, null, 2)}\n`);
  else if (format === "yaml") call.io.out(stringify(all));
  else {
    call.io.out(`Client: ${client.version} (Node.js ${client.node})\n`);
    if (server !== undefined) call.io.out(`Server: ${server.gitVersion}\n`);
  }
  if (problem === undefined) return 0;
  call.io.err(`error: ${problem}\n`);
  return 1;
};
