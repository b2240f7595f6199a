import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const program = join(import.meta.dirname, "lighthouse.mjs");

type Ended = { readonly code: number | null; readonly stderr: string };

/** Runs the program in a Node.js that says it is another version. */
function runAs(version: string): Promise<Ended> {
  const pretend = `Object.defineProperty(process.versions,"node",{value:"${version}"})`;
  const argv = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, program];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...argv, "completion", "bash"]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

const refused = (version: string): string => `needs Node.js 24.11 or newer, this is ${version}`;

test.each([
  ["20.20.2", 1, refused("20.20.2")],
  ["24.10.9", 1, refused("24.10.9")],
  ["24.11.0", 0, ""],
  ["26.0.0", 0, ""],
])("lighthouse.mjs on Node.js %s ends with %d", async (version, code, says) => {
  const ended = await runAs(version);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(says);
});
