import { labelValueProblems, subdomainProblems } from "../../api/machinery/names.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { type Call, durationMs, Misuse, type Run, text, texts, wholeNumber } from "../command.ts";
import { joinLink, joinText } from "../join-text.ts";
import {
  deleteToken,
  findToken,
  labelsText,
  makeToken,
  tokenIdOf,
  type TokenTerms,
} from "../token.ts";

const dayMs = 86_400_000;

/** @throws Misuse naming the flag */
function termsOf({ flags, io }: Call): TokenTerms {
  const ttlMs = durationMs(flags, "ttl") ?? dayMs;
  const beacon = text(flags, "beacon") ?? "";
  const [problem] =
    beacon === "" ? [] : [...subdomainProblems(beacon), ...labelValueProblems(beacon)];
  if (problem !== undefined) throw new Misuse(`--beacon is "${beacon}": ${problem}`);
  return {
    expires: ttlMs === 0 ? "" : formatTime(io.clock.nowMs() + ttlMs),
    uses: wholeNumber(flags, "uses") ?? 1,
    beacon,
    labels: labelsText(texts(flags, "labels")),
    description: text(flags, "description") ?? "",
  };
}

/** What people should know beside the line that they copy. */
function remark({ uses, expires, beacon }: TokenTerms): string {
  const hosts = uses === 0 ? "any number of hosts" : uses === 1 ? "one host" : `${uses} hosts`;
  const whom = beacon === "" ? "" : ` as beacon ${beacon}`;
  return `Good for ${hosts}${whom}${expires === "" ? "" : `, until ${expires}`}. It is not shown again.\n`;
}

async function print(call: Call, terms: TokenTerms): Promise<void> {
  const token = await makeToken(call, terms);
  const link = await joinLink(call, token, terms.beacon);
  call.io.out(await joinText(call, link));
  call.io.err(remark(terms));
}

/** `lighthouse token create`. */
export const runTokenCreate: Run = async (call) => {
  await print(call, termsOf(call));
  return 0;
};

/** `lighthouse token rotate`: the same terms, a full count, and as much time as the old one had. */
export const runTokenRotate: Run = async (call) => {
  const [typed, ...more] = call.args;
  if (typed === undefined || more.length > 0) throw new Misuse("Expected one token ID");
  const id = tokenIdOf(typed);
  const old = await findToken(call, id);
  const nowMs = call.io.clock.nowMs();
  const ended = old.expires !== "" && !(Date.parse(old.expires) > nowMs);
  const expires = ended ? formatTime(nowMs + dayMs) : old.expires;
  await print(call, { ...old, expires });
  await deleteToken(call, id);
  return 0;
};
