import { setTimeout as sleep } from "node:timers/promises";
import type { Program, Surroundings } from "./process.ts";
import { relay } from "./relay.ts";

/** Waits until the process is killed. */
export function untilKilled(killed: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    if (killed.aborted) resolve(137);
    else killed.addEventListener("abort", () => resolve(137), { once: true });
  });
}

const absolute = (path: string): string => (path.startsWith("/") ? path : `/${path}`);

async function cat({ argv, files, stdin, write }: Surroundings): Promise<number> {
  const paths = argv.slice(1);
  if (paths.length === 0) {
    for await (const chunk of stdin) write("stdout", chunk as Buffer);
    return 0;
  }
  let code = 0;
  for (const path of paths) {
    const content = files.get(absolute(path));
    if (content === undefined) {
      write("stderr", `cat: can't open '${path}': No such file or directory\n`);
      code = 1;
    } else write("stdout", content);
  }
  return code;
}

async function pause({ argv, killed }: Surroundings): Promise<number> {
  const seconds = argv[1] === "infinity" ? 1_000_000 : Number(argv[1] ?? 0);
  // A timer holds 24 days at most.
  const ms = Math.min(seconds * 1000, 2 ** 31 - 1);
  return sleep(ms, 0, { signal: killed, ref: false }).catch(() => 137);
}

/** `test ! -e PATH`, `test A = B`, `test TEXT`; also as `[ ... ]`. */
async function check({ argv, files }: Surroundings): Promise<number> {
  const words = argv.slice(1).filter((word) => word !== "]");
  const negated = words[0] === "!";
  const [first = "", second, third] = negated ? words.slice(1) : words;
  const isFile = second !== undefined && /^-[ef]$/.test(first) && files.has(absolute(second));
  const isEqual = third !== undefined && second === "=" && first === third;
  const isText = second === undefined && first !== "";
  return (isFile || isEqual || isText) === negated ? 1 : 0;
}

async function touch({ argv, files }: Surroundings): Promise<number> {
  for (const path of argv.slice(1))
    files.set(absolute(path), files.get(absolute(path)) ?? Buffer.alloc(0));
  return 0;
}

async function remove({ argv, files }: Surroundings): Promise<number> {
  for (const path of argv.slice(1)) files.delete(absolute(path));
  return 0;
}

async function listFiles({ argv, files, write }: Surroundings): Promise<number> {
  const folder = absolute(argv.slice(1).find((word) => !word.startsWith("-")) ?? "/");
  const prefix = folder.endsWith("/") ? folder : `${folder}/`;
  const names = [...files.keys()]
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length).split("/")[0] ?? "");
  for (const name of [...new Set(names)].sort()) write("stdout", `${name}\n`);
  return 0;
}

const prints =
  (text: (around: Surroundings) => string): Program =>
  async (around) => {
    around.write("stdout", `${text(around)}\n`);
    return 0;
  };

const variables = ({ env }: Surroundings): string =>
  Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");

/** What containers of the simulated engine can run, by name. */
export const programs: ReadonlyMap<string, Program> = new Map<string, Program>([
  ["true", async () => 0],
  [":", async () => 0],
  ["false", async () => 1],
  ["wget", async () => 0], // health checks ask their own server
  ["trap", async () => 0],
  ["mkdir", async () => 0],
  ["relay", relay],
  ["echo", prints(({ argv }) => argv.slice(1).join(" "))],
  ["hostname", prints(({ hostname }) => hostname)],
  ["env", prints(variables)],
  ["date", prints(() => new Date().toUTCString())],
  ["cat", cat],
  ["sleep", pause],
  ["test", check],
  ["[", check],
  ["touch", touch],
  ["rm", remove],
  ["ls", listFiles],
  ["pwd", prints(() => "/")],
  ["id", prints(() => "uid=0(root) gid=0(root)")],
]);
