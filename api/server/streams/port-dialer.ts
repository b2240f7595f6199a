import type { Duplex } from "node:stream";

/** What a port-forward connects to. */
export type PortDialer = {
  /** Connects to a port. @throws StatusError */
  dial(port: number, signal: AbortSignal): Promise<Duplex>;
  /** What an error of a port says to the client. */
  explain(port: number, err: unknown): string;
};

/** The number of a port, or `undefined` for what is none. */
export function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
