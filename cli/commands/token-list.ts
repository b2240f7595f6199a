import { documentText, isDocumentFormat } from "../document.ts";
import { type Call, type Run, text } from "../command.ts";
import { age, formatTable } from "../output.ts";
import { listTokens, type TokenView } from "../token.ts";

const orNone = (value: string): string => (value === "" ? "<none>" : value);

function row(call: Call, token: TokenView, wide: boolean): readonly string[] {
  const { id, state, beacon, used, uses, expires, description, labels, lastUsed } = token;
  const leftMs = Date.parse(expires) - call.io.clock.nowMs();
  const until = expires === "" ? "never" : leftMs > 0 ? age(leftMs) : "past";
  const count = uses === 0 ? String(used) : `${used}/${uses}`;
  const cells = [id, state, orNone(beacon), count, until, orNone(description)];
  return wide ? [...cells, orNone(labels), orNone(lastUsed)] : cells;
}

/** `lighthouse token list`: no form of it has a secret. */
export const runTokenList: Run = async (call) => {
  const tokens = await listTokens(call);
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) {
    call.io.out(documentText(format, { items: tokens }));
    return 0;
  }
  if (tokens.length === 0) {
    call.io.err('No tokens found; make one with "lighthouse token create"\n');
    return 0;
  }
  const wide = format === "wide";
  const names = ["ID", "STATE", "BEACON", "USED", "EXPIRES", "DESCRIPTION"];
  const title = wide ? [...names, "LABELS", "LAST USED"] : names;
  call.io.out(formatTable([title, ...tokens.map((token) => row(call, token, wide))]));
  return 0;
};
