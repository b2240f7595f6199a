import { expect, test } from "vitest";
import { FanOut, type WatchSink } from "./fan-out.ts";

type Fake = WatchSink & { readonly written: Buffer[]; stuck: number; cuts: number };

/** A client that takes everything at once, unless it is stuck with some bytes. */
function client(stuck = 0): Fake {
  const fake: Fake = {
    written: [],
    stuck,
    cuts: 0,
    write: (lines) => void fake.written.push(lines),
    get backlogBytes() {
      return fake.stuck;
    },
    drained: () => Promise.resolve(),
    end: () => {},
    cut: () => {
      fake.cuts += 1;
    },
  };
  return fake;
}

const line = (text: string): Buffer => Buffer.from(`${text}\n`);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("what is queued in one moment is written once, and joined once for all", async () => {
  const fanOut = new FanOut();
  const clients = Array.from({ length: 100 }, () => client());
  const outlets = clients.map((sink) => fanOut.outlet(sink, () => {}));
  const [a, b] = [line("a"), line("b")];
  for (const outlet of outlets) outlet.push([a]);
  for (const outlet of outlets) outlet.push([b]);
  expect(clients[0]?.written).toEqual([]);
  await until(() => clients.every(({ written }) => written.length > 0));
  const bytes = clients.map(({ written }) => written);
  expect(bytes.every((all) => all.length === 1 && all[0] === bytes[0]?.[0])).toBe(true);
  expect(bytes[0]?.[0]?.toString()).toBe("a\nb\n");
});

test("one line is written as it is, without a copy", async () => {
  const sink = client();
  const only = line("only");
  new FanOut().outlet(sink, () => {}).push([only]);
  await turn();
  expect(sink.written[0]).toBe(only);
});

test("clients that want different lines get their own", async () => {
  const fanOut = new FanOut();
  const [one, two] = [client(), client()];
  fanOut.outlet(one, () => {}).push([line("a"), line("b")]);
  fanOut.outlet(two, () => {}).push([line("a"), line("c")]);
  await turn();
  expect([one, two].map(({ written }) => String(written[0]))).toEqual(["a\nb\n", "a\nc\n"]);
});

test("flush() writes at once, in order, and nothing twice", async () => {
  const sink = client();
  const outlet = new FanOut().outlet(sink, () => {});
  outlet.push([line("a")]);
  outlet.flush();
  outlet.push([line("b")]);
  await turn();
  await turn();
  expect(sink.written.map(String)).toEqual(["a\n", "b\n"]);
});

test("a client that is too far behind is cut off, and nobody else", async () => {
  const fanOut = new FanOut({ eachBytes: 100, allBytes: 1_000 });
  const [slow, quick] = [client(101), client(99)];
  let told = 0;
  const outlets = [slow, quick].map((sink) => fanOut.outlet(sink, () => (told += 1)));
  for (const outlet of outlets) outlet.push([line("a")]);
  await turn();
  expect([slow.cuts, quick.cuts, told]).toEqual([1, 0, 1]);
  outlets[0]?.push([line("b")]);
  outlets[0]?.flush();
  expect([slow.written.length, outlets[0]?.backlogBytes]).toEqual([1, 0]);
});

test("when all together are too far behind, the worst are cut off first", async () => {
  const fanOut = new FanOut({ eachBytes: 100, allBytes: 150 });
  const clients = [client(50), client(90), client(60)];
  for (const sink of clients) fanOut.outlet(sink, () => {}).push([line("a")]);
  await until(() => clients.some(({ cuts }) => cuts > 0));
  expect(clients.map(({ cuts }) => cuts)).toEqual([0, 1, 0]);
});
