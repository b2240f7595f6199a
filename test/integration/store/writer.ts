// Child process of the crash tests: 64 writers count up, each on its own key, and every
// acknowledged write is a line "WRITER COUNT REVISION" in a file, written at once, so that it
// outlives this process. Usage: node writer.ts STORE-URL FILE
import { openSync, writeSync } from "node:fs";
import { openStore } from "../../../api/store/open.ts";

const [, , url, path] = process.argv;
if (url === undefined || path === undefined) throw new Error("Missing STORE-URL or FILE");
const file = openSync(path, "a");
const store = await openStore(url);

async function countUp(writer: number): Promise<never> {
  const key = `/crash/${writer}`;
  const entry = await store.get(key);
  let count = entry === undefined ? 0 : Number(Buffer.from(entry.value).toString());
  let at = entry?.at ?? 0;
  for (;;) {
    count += 1;
    at = await store.put(key, Buffer.from(String(count)), at);
    writeSync(file, `${writer} ${count} ${at}\n`);
  }
}

await Promise.all(Array.from({ length: 64 }, (_, writer) => countUp(writer)));
