import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { answerPage } from "./page.ts";

const long = 'container_cpu_usage_seconds_total{name="web"} 1\n'.repeat(1_000);
const page = (text: string) => ({ type: "text/plain", text });

test.each(["gzip", "deflate, gzip;q=0.5", "GZIP"])(
  "answerPage() compresses what is long for who takes %s",
  async (wanted) => {
    const { headers, body } = await answerPage(
      { headers: { "accept-encoding": wanted } },
      page(long),
    );
    expect(headers).toMatchObject({ "content-encoding": "gzip", vary: "accept-encoding" });
    const bytes = await buffer(body);
    expect(String(bytes.length)).toBe(headers["content-length"]);
    expect(bytes.length).toBeLessThan(long.length / 20);
    expect(gunzipSync(bytes).toString()).toBe(long);
  },
);

test.each([
  ["asked for nothing", {}, long],
  ["asked for another", { "accept-encoding": "br, identity" }, long],
  ["refused it", { "accept-encoding": "gzip;q=0" }, long],
  ["asked for what is short", { "accept-encoding": "gzip" }, "a 1\n"],
] as const)("answerPage() sends plain text to who %s", async (_who, headers, text) => {
  const answer = await answerPage({ headers }, page(text));
  expect(answer.headers["content-encoding"]).toBeUndefined();
  expect((await buffer(answer.body)).toString()).toBe(text);
});
