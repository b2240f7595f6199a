import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tar } from "../engine/tar.ts";
import { relayScript } from "./connect-scripts.ts";

/** An image that the agent brings to engines by itself. */
export type RelayImage = {
  /** Names its contents: another program has another name. */
  readonly reference: string;
  /** Go's name for the processor that its program runs on. */
  readonly arch: string;
  /** Its root directory. */
  readonly archive: Uint8Array;
};

/** Debian's busybox-static. */
export const defaultRelayProgram = "/bin/busybox";

const elfMagic = 0x7f_45_4c_46;
const interpreterHeader = 3; // PT_INTERP
/** `e_machine` of ELF; those of which there are engines. */
const archOf: ReadonlyMap<number, string> = new Map([
  [3, "386"],
  [40, "arm"],
  [62, "amd64"],
  [183, "arm64"],
  [243, "riscv64"],
]);

/** Whether the program needs files beside itself: a dynamic linker. */
function hasInterpreter(program: Buffer, is64: boolean): boolean {
  const offset = is64 ? Number(program.readBigUInt64LE(32)) : program.readUInt32LE(28);
  const bytes = program.readUInt16LE(is64 ? 54 : 42);
  const count = program.readUInt16LE(is64 ? 56 : 44);
  for (let index = 0; index < count; index += 1)
    if (program.readUInt32LE(offset + index * bytes) === interpreterHeader) return true;
  return false;
}

/** The processor of a static little-endian ELF program; `undefined` for anything else. */
export function staticArch(program: Buffer): string | undefined {
  try {
    if (program.readUInt32BE(0) !== elfMagic || program[5] !== 1) return undefined;
    if (hasInterpreter(program, program[4] === 2)) return undefined;
    return archOf.get(program.readUInt16LE(18));
  } catch {
    return undefined; // cut short
  }
}

/** What the script and `endMarked` call. */
const applets = ["cat", "grep", "nc", "sh", "sleep", "true"] as const;

/** The image of a busybox. @throws Error when there is none at `path`, or it is not static */
export async function readRelayImage(path: string): Promise<RelayImage> {
  const program = await readFile(path);
  const arch = staticArch(program);
  if (arch === undefined) throw new Error(`Cannot use ${path} as relay: it is no static program`);
  const archive = tar([
    { type: "directory", path: "bin" },
    { type: "file", path: "bin/busybox", content: program, mode: 0o755 },
    { type: "file", path: "bin/relay", content: Buffer.from(relayScript), mode: 0o755 },
    ...applets.map((name) => ({
      type: "symlink" as const,
      path: `bin/${name}`,
      target: "busybox",
    })),
  ]);
  const hash = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  return { reference: `lighthouse.dev/relay:${hash}`, arch, archive };
}
