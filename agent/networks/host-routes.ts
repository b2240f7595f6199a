import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";

/** Little-endian, as the kernel prints it: `0000A8C0` is 192.168.0.0. */
function bytesOf(hex: string): readonly number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function lengthOf(mask: readonly number[]): number {
  return mask.reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0);
}

/** The destinations of a table as `/proc/net/route` has it, without the default route. */
export function destinationsOf(table: string): readonly string[] {
  return table
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const columns = line.split("\t");
      const [destination = "", mask = ""] = [columns[1], columns[7]];
      if (!/^[0-9A-F]{8}$/i.test(destination) || !/^[0-9A-F]{8}$/i.test(mask)) return [];
      const length = lengthOf(bytesOf(mask));
      return length === 0 ? [] : [`${bytesOf(destination).join(".")}/${length}`];
    });
}

/** The IPv4 networks that this machine has an address in or a route to, e.g. `192.168.7.0/24`. */
export async function hostRoutes(): Promise<readonly string[]> {
  const own = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ cidr, family }) => (family === "IPv4" && cidr ? [cidr] : [])),
  );
  // Not on macOS and Windows, where Docker has a machine of its own anyway.
  const table = await readFile("/proc/net/route", "utf8").catch(() => "");
  return [...own, ...destinationsOf(table)];
}
