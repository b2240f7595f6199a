import { expect, test } from "vitest";
import { manualClock } from "../../../../test/kit/clock.ts";
import type { Review } from "../chain.ts";
import { type EventLimit, eventRateLimit } from "./rate-limit.ts";

const kind = { group: "", plural: "events" } as Review["kind"];

function eventOf(name: string, namespace = "default", user = "agent"): Review {
  const involvedObject = { kind: "Pod", namespace, name, uid: `uid-${name}` };
  const object = { apiVersion: "v1", kind: "Event", metadata: {}, involvedObject };
  return {
    operation: "CREATE",
    kind,
    namespace,
    name: "",
    subresource: "",
    object,
    user: { name: user, groups: [] },
    dryRun: false,
    warn: () => {},
    annotate: () => {},
  };
}

function limiter(limits: readonly Partial<EventLimit>[]) {
  const clock = manualClock();
  const plain = { type: "Server", qps: 1, burst: 2, cacheSize: 10 } as const;
  const admission = eventRateLimit(
    limits.map((limit) => ({ ...plain, ...limit })),
    clock,
  );
  return { clock, admit: async (review: Review) => admission.admit?.(review) };
}

test("eventRateLimit() lets a burst through, then as many as grow back", async () => {
  const { clock, admit } = limiter([{}]);
  await admit(eventOf("a"));
  await admit(eventOf("b"));
  await expect(admit(eventOf("c"))).rejects.toMatchObject({
    reason: "TooManyRequests",
    message: "limit reached on type Server for key ",
    details: { retryAfterSeconds: 1 },
  });
  await clock.advance(1_000);
  await admit(eventOf("c"));
  await expect(admit(eventOf("d"))).rejects.toThrow(/limit reached/);
  await clock.advance(60_000);
  await admit(eventOf("d"));
  await admit(eventOf("e"));
  await expect(admit(eventOf("f"))).rejects.toThrow(/limit reached/);
});

test.each<readonly [EventLimit["type"], Review, Review]>([
  ["Namespace", eventOf("a", "loud"), eventOf("a", "quiet")],
  ["User", eventOf("a", "x", "loud"), eventOf("a", "x", "quiet")],
  ["SourceAndObject", eventOf("loud"), eventOf("quiet")],
])("eventRateLimit() by %s counts each apart", async (type, loud, quiet) => {
  const { admit } = limiter([{ type, burst: 1 }]);
  await admit(loud);
  await expect(admit(loud)).rejects.toThrow(`limit reached on type ${type}`);
  await admit(quiet);
});

test("eventRateLimit() counts nothing that is not an Event, not stored, or refused by a limit", async () => {
  const { admit } = limiter([{ burst: 2 }, { type: "SourceAndObject", burst: 1 }]);
  await admit(eventOf("a"));
  await admit({ ...eventOf("a"), dryRun: true });
  await admit({ ...eventOf("a"), kind: { group: "", plural: "pods" } as Review["kind"] });
  await expect(admit(eventOf("a"))).rejects.toThrow(/SourceAndObject/);
  await admit(eventOf("b")); // the refused one took nothing of the server's
});

test("eventRateLimit() remembers so many and no more", async () => {
  const { admit } = limiter([{ type: "Namespace", burst: 1, cacheSize: 2 }]);
  for (const namespace of ["a", "b", "c"]) await admit(eventOf("x", namespace));
  await admit(eventOf("x", "a")); // forgotten, as two others came since
  await expect(admit(eventOf("x", "c"))).rejects.toThrow(/limit reached/);
});

test("eventRateLimit() does not keep what is too long for a name", async () => {
  const { admit } = limiter([{ type: "SourceAndObject", burst: 1 }]);
  const long = "x".repeat(100_000);
  await admit(eventOf(`${long}a`));
  await admit(eventOf(`${long}b`));
  const refused = await admit(eventOf(`${long}a`)).catch((err: unknown) => err as Error);
  expect(refused?.message.length).toBeLessThan(200);
});
