import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Io } from "../command.ts";

const script = fileURLToPath(new URL("../lighthouse.mjs", import.meta.url));

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // PATH often names folders that are not there
  }
}

/**
 * How others start this program: by its name where PATH leads to it, so that an update that moves it is
 * followed; else by Node.js and the script.
 */
export function ownCommand(env: Io["env"]): readonly string[] {
  const own = realPath(script);
  const [first] = (env["PATH"] ?? "")
    .split(delimiter)
    .filter((dir) => dir !== "")
    .map((dir) => realPath(join(dir, "lighthouse")))
    .filter((path) => path !== undefined);
  return first !== undefined && first === own ? ["lighthouse"] : [process.execPath, script];
}

/** Opens an address in the browser of the desktop, if there is one. Nobody waits for it, nor hears of a failure. */
export function openBrowser(url: string): void {
  const { platform } = process;
  // An issuer says where to go: nothing but a page is opened, and never a file or a program.
  if (!/^https?:\/\//.test(url)) return;
  if (platform === "win32") return; // its opener would read the address as a command line
  const child = spawn(platform === "darwin" ? "open" : "xdg-open", [url], {
    detached: true,
    stdio: "ignore",
  });
  child.on("error", () => undefined); // the address was printed
  child.unref();
}
