import { expect, test } from "vitest";
import { unavailable } from "../../api/machinery/errors.ts";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { createBell } from "./bell.ts";
import { choose, follow, lookMs, type Sighting } from "./follow.ts";
import type { Provider } from "./provider.ts";

const never = (): Promise<never> => new Promise(() => undefined);
const provider = (more: Partial<Provider> = {}): Provider => ({
  name: "test",
  isHere: async () => true,
  find: async () => [],
  ...more,
});

function following(followed: Provider, intervalMs = 60_000) {
  const clock = manualClock();
  const end = new AbortController();
  const bell = createBell();
  const seen: Sighting[] = [];
  const done = (async () => {
    const options = { clock, intervalMs, bell, signal: end.signal };
    for await (const sighting of follow(followed, options)) seen.push(sighting);
  })();
  return { clock, bell, seen, end: () => end.abort(), done };
}

test("follow() looks again after the interval, at a ring, and never in between", async () => {
  const { clock, bell, seen, end, done } = following(provider());
  await clock.advance(0);
  expect(seen).toHaveLength(1);
  await clock.advance(59_999);
  expect(seen).toHaveLength(1);
  await clock.advance(1);
  expect(seen).toHaveLength(2);
  bell.ring();
  await settle();
  expect(seen).toHaveLength(3);
  end();
  await done;
});

test("follow() repeats a failed look sooner, then less and less often, up to the interval", async () => {
  const asked: number[] = [];
  const clock = manualClock(0);
  const end = new AbortController();
  const find = async (): Promise<never> => {
    asked.push(clock.nowMs());
    throw unavailable("Cannot reach the cloud");
  };
  const options = { clock, intervalMs: 10_000, bell: createBell(), signal: end.signal };
  const done = (async () => {
    for await (const { trouble } of follow(provider({ find }), options))
      expect(trouble).toMatchObject({ reason: "DiscoveryFailed" });
  })();
  await clock.advance(40_000);
  expect(asked).toEqual([0, 2_000, 6_000, 14_000, 24_000, 34_000]);
  end.abort();
  await done;
});

test("follow() gives up a look that takes too long, also of a driver that minds no signal", async () => {
  const { clock, seen, end, done } = following(provider({ find: never }));
  await clock.advance(lookMs);
  expect(seen[0]?.trouble?.message).toContain("no answer within 60 s");
  end();
  await done;
});

test("follow() takes a host that is named twice once", async () => {
  const host = { url: "unix:///a", provider: "test", labels: {} };
  const find = async () => [host, { ...host, labels: { second: "yes" } }];
  const { clock, seen, end, done } = following(provider({ find }));
  await clock.advance(0);
  expect(seen[0]?.hosts).toEqual([host]);
  end();
  await done;
});

test("choose() takes the first that is at home, whatever the others do", async () => {
  const named = (name: string, isHere: Provider["isHere"]) => provider({ name, isHere });
  const away = named("away", async () => false);
  const broken = named("broken", () => Promise.reject(new Error("no such file")));
  const home = named("home", async () => true);
  const last = named("last", async () => true);
  const { signal } = new AbortController();
  expect((await choose([away, broken, home, last], signal))?.name).toBe("home");
  expect((await choose([away, broken], signal))?.name).toBe("broken");
  expect(await choose([home, last], AbortSignal.abort())).toBeUndefined();
});
