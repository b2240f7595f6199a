import type { RawRequest } from "../../api/client/client.ts";
import { encryptionPath, type EncryptionStatus } from "../../api/machinery/encryption-status.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { age, formatTable } from "../output.ts";
import { readText } from "../read.ts";

async function ask(call: Call, method: RawRequest["method"], verb = ""): Promise<EncryptionStatus> {
  const { client } = await call.connect();
  const response = await client.raw({ method, path: encryptionPath + verb }, call.signal);
  return JSON.parse(await readText(response)) as EncryptionStatus;
}

function showTable({ io }: Call, { keys, file, store }: EncryptionStatus, wide: boolean): void {
  const rows = keys.map(({ id, created, writes, values }) => {
    const use = writes ? "writes" : "reads";
    return [id, use, String(values), age(io.clock.nowMs() - Date.parse(created))];
  });
  io.out(formatTable([["KEY", "USE", "VALUES", "AGE"], ...rows]));
  if (wide) io.out(`\nFile:  ${file}\nStore: ${store}\n`);
}

function show(call: Call, status: EncryptionStatus): void {
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) call.io.out(documentText(format, status));
  else showTable(call, status, format === "wide");
  const { plain, unreadable, waitingFor, file } = status;
  if (plain > 0) call.io.err(`Not encrypted yet: ${plain} values\n`);
  for (const key of unreadable) call.io.err(`Cannot be read: ${key}\n`);
  if (waitingFor.length === 0) return;
  call.io.err(
    `The new key does not write yet: servers on ${waitingFor.join(", ")} do not have it.\n` +
      `Copy ${file} to them; they read it by themselves, and the rotation goes on.\n`,
  );
}

/** `lighthouse encryption status`: exit code 1 while something is plain or cannot be read. */
export const runEncryptionStatus: Run = async (call) => {
  const status = await ask(call, "GET");
  show(call, status);
  return status.plain > 0 || status.unreadable.length > 0 ? 1 : 0;
};

/** `lighthouse encryption rotate`. */
export const runEncryptionRotate: Run = async (call) => {
  const status = await ask(call, "POST", "/rotate");
  show(call, status);
  if (status.waitingFor.length > 0) return 0;
  call.io.err(
    `Keep a copy of ${status.file}; then "lighthouse encryption prune" removes old keys\n`,
  );
  return 0;
};

/** `lighthouse encryption prune`. */
export const runEncryptionPrune: Run = async (call) => {
  show(call, await ask(call, "POST", "/prune"));
  return 0;
};

/** `lighthouse encryption discard`. */
export const runEncryptionDiscard: Run = async (call) => {
  const [key] = call.args;
  if (key === undefined) throw new Misuse("Missing STORE-KEY, as encryption status names it");
  await ask(call, "POST", `/discard?key=${encodeURIComponent(key)}`);
  call.io.out(`${key} discarded\n`);
  return 0;
};
