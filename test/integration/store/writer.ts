// Child process of the crash tests: 64 writers count up, each on its own key, and every
// acknowledged write is a line "WRITER COUNT REVISION". Usage: node writer.ts STORE-URL
import { openStore } from "../../../api/store/open.ts";

const url = process.argv[2];
if (url === undefined) throw new Error("Missing STORE-URL");
const store = await openStore(url);

async function countUp(writer: number): Promise<never> {
  const key = `/crash/${writer}`;
  const entry = await store.get(key);
  let count = entry === undefined ? 0 : Number(Buffer.from(entry.value).toString());
  let at = entry?.at ?? 0;
  for (;;) {
    count += 1;
    at = await store.put(key, Buffer.from(String(count)), at);
    process.stdout.write(`${writer} ${count} ${at}\n`);
  }
}

await Promise.all(Array.from({ length: 64 }, (_, writer) => countUp(writer)));
