import { type AuthorityStatus, rotationPath } from "../../api/machinery/authority.ts";
import { type Call, type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { formatTable } from "../output.ts";
import { readText } from "../read.ts";

async function ask(call: Call, method: "GET" | "POST", path: string): Promise<AuthorityStatus> {
  const { client } = await call.connect();
  const answer = await client.raw({ method, path, accept: "application/json" }, call.signal);
  return JSON.parse(await readText(answer)) as AuthorityStatus;
}

const phases: Readonly<Record<AuthorityStatus["phase"], string>> = {
  Stable: "one root is trusted, and issues",
  Spreading: "the new root is trusted beside the old one, which still issues for some seconds",
  Issuing: 'the new root issues, the old one is still trusted; end it with "lighthouse ca finish"',
};

/** So many names are told; all of them are in the other forms. */
const maxNames = 20;

function behindText({ behind }: AuthorityStatus): string {
  if (behind.length === 0) return "";
  const more = behind.length > maxNames ? `, and ${behind.length - maxNames} more` : "";
  const list = `${behind.slice(0, maxNames).join(", ")}${more}`;
  return `\nBeacons with agents that have not renewed yet: ${list}\n`;
}

function print(call: Call, status: AuthorityStatus): number {
  const { io, flags } = call;
  const format = text(flags, "output");
  if (isDocumentFormat(format)) {
    io.out(documentText(format, status));
    return 0;
  }
  const title = ["ROOT", "STATE", "SINCE", "UNTIL"];
  const rows = status.roots.map(({ root, state, notBefore, notAfter }) => [
    root,
    state,
    notBefore,
    notAfter,
  ]);
  io.out(`${status.phase}: ${phases[status.phase]}\n\n${formatTable([title, ...rows])}`);
  io.out(behindText(status));
  return 0;
}

/** `lighthouse ca status`. */
export const runCaStatus: Run = async (call) => print(call, await ask(call, "GET", rotationPath));

/** `lighthouse ca rotate`. */
export const runCaRotate: Run = async (call) =>
  print(call, await ask(call, "POST", `${rotationPath}/rotate`));

/** `lighthouse ca finish`. */
export const runCaFinish: Run = async (call) => {
  const force = call.flags["force"] === true ? "?force=true" : "";
  return print(call, await ask(call, "POST", `${rotationPath}/finish${force}`));
};
