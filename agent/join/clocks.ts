import { X509Certificate } from "node:crypto";

/** Hosts whose clocks differ by more are told about it. Milliseconds. */
const tolerableMs = 60_000;

/** Two clocks at one moment, in milliseconds since the epoch. */
export type Clocks = { readonly ownMs: number; readonly serverMs: number };

const text = (ms: number): string => new Date(ms).toISOString();

/** That the clocks differ, in words that name both; `undefined` when they agree well enough. */
export function clockProblem({ ownMs, serverMs }: Clocks): string | undefined {
  const apartMs = Math.abs(ownMs - serverMs);
  if (apartMs < tolerableMs) return undefined;
  const seconds = Math.round(apartMs / 1_000);
  return `the clocks are ${seconds} s apart: the server's says ${text(serverMs)}, this host's ${text(ownMs)}`;
}

/** Why a certificate cannot be used now by this host's clock; `undefined` when it can. */
export function validityProblem(pem: string, clocks: Clocks): string | undefined {
  const certificate = new X509Certificate(pem);
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const { ownMs } = clocks;
  if (ownMs >= from && ownMs < to) return undefined;
  const what =
    ownMs < from ? `it is not valid before ${text(from)}` : `it is not valid after ${text(to)}`;
  const cause = clockProblem(clocks) ?? `this host's clock says ${text(ownMs)}`;
  return `${what}, and ${cause}`;
}
