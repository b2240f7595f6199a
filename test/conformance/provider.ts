import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBell } from "../../agent/discovery/bell.ts";
import { follow, type Sighting } from "../../agent/discovery/follow.ts";
import type { Provider } from "../../agent/discovery/provider.ts";
import { StatusError } from "../../api/machinery/errors.ts";
import { labelValueProblems, qualifiedNameProblems } from "../../api/machinery/names.ts";
import { manualClock } from "../kit/clock.ts";
import { eventually } from "../kit/eventually.ts";

/** What may go wrong with a source of hosts. */
export type ProviderFault = "refuse" | "hang" | "half" | "credentials" | "lastPage" | "garbage";

/** A driver and the source that it asks. */
export type ProviderHarness = AsyncDisposable & {
  /** Of a fixed set, opened anew after each `hold`. */
  readonly provider: Provider;
  /** Makes the source hold these hosts, known by number; one that comes twice is listed twice. */
  hold(numbers: readonly number[]): Promise<void> | void;
  /** The URL of a host. */
  url(number: number): string;
  /** Breaks the source until `mend`. */
  break(fault: ProviderFault): Promise<void> | void;
  mend(): Promise<void> | void;
};

/** What of the promises a driver can be tried for. */
export type ProviderTraits = {
  /** Faults that its source can have. */
  readonly faults: readonly ProviderFault[];
  /** Its source may list one host twice: it is refused, or counts once. */
  readonly twice: "once" | "refused";
  /** Its set is what a user named: it does not change while the driver runs, and is never empty. */
  readonly isFixed?: boolean;
};

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** Why it failed; the test fails when it did not. */
async function refusal(provider: Provider): Promise<StatusError> {
  const err: unknown = await provider.find(soon()).then(
    (hosts) => new Error(`found ${hosts.length} hosts`),
    (reason: unknown) => reason,
  );
  expect(err).toBeInstanceOf(StatusError);
  return err as StatusError;
}

/**
 * The promises of `Provider` as tests. Call it inside a test file with a function that starts a driver
 * and a source of hosts under the test's control.
 */
export function providerConformance(
  name: string,
  traits: ProviderTraits,
  prepare: () => Promise<ProviderHarness>,
): void {
  const can = (fault: ProviderFault): boolean => traits.faults.includes(fault);
  const { isFixed = false } = traits;
  describe(`${name} provider`, () => {
    let harness: ProviderHarness;
    beforeEach(async () => {
      harness = await prepare();
    });
    afterEach(async () => {
      await harness[Symbol.asyncDispose]();
    });
    const found = async (): Promise<readonly string[]> =>
      (await harness.provider.find(soon())).map(({ url }) => url).toSorted();
    const urls = (...numbers: readonly number[]): readonly string[] =>
      numbers.map((number) => harness.url(number)).toSorted();

    test("knows its place", async () => {
      await harness.hold([1]);
      expect(await harness.provider.isHere(soon())).toBe(true);
    });

    test("finds every host, with labels that a Node may carry", async () => {
      await harness.hold([1, 2, 3]);
      const hosts = await harness.provider.find(soon());
      expect(hosts.map(({ url }) => url).toSorted()).toEqual(urls(1, 2, 3));
      for (const { provider, labels } of hosts) {
        expect(provider).toBe(harness.provider.name);
        const wrong = Object.entries(labels).flatMap(([key, value]) => [
          ...qualifiedNameProblems(key),
          ...labelValueProblems(value),
        ]);
        expect(wrong).toEqual([]);
      }
    });

    test.runIf(!isFixed)("tells a host that came and one that went", async () => {
      await harness.hold([1, 2]);
      expect(await found()).toEqual(urls(1, 2));
      await harness.hold([2, 3]);
      expect(await found()).toEqual(urls(2, 3));
    });

    test.runIf(!isFixed)("tells an empty set when there is no host", async () => {
      await harness.hold([]);
      expect(await found()).toEqual([]);
    });

    test("never names a host twice", async () => {
      await harness.hold([1, 2, 1]);
      const want = traits.twice === "refused" ? "refused" : urls(1, 2);
      expect(await found().catch(() => "refused")).toEqual(want);
    });

    test("reads every page", async () => {
      const numbers = Array.from({ length: 9 }, (_, index) => index + 1);
      await harness.hold(numbers);
      expect(await found()).toEqual(urls(...numbers));
    });

    test.runIf(can("refuse"))(
      "says what does not answer, and finds hosts when it does again",
      async () => {
        await harness.hold([1, 2]);
        await harness.break("refuse");
        const err = await refusal(harness.provider);
        expect(err.reason).toBe("ServiceUnavailable");
        expect(err.message).toMatch(/^Cannot /);
        await harness.mend();
        expect(await found()).toEqual(urls(1, 2));
      },
    );

    test.runIf(can("half"))("takes half an answer for none", async () => {
      await harness.hold([1, 2]);
      await harness.break("half");
      expect(await refusal(harness.provider)).toMatchObject({ reason: "ServiceUnavailable" });
    });

    test.runIf(can("garbage"))("takes an answer that it cannot read for none", async () => {
      await harness.hold([1, 2]);
      await harness.break("garbage");
      expect((await refusal(harness.provider)).reason).toMatch(/^(ServiceUnavailable|BadRequest)$/);
    });

    test.runIf(can("lastPage"))("takes a list whose last page is missing for none", async () => {
      await harness.hold([1, 2, 3, 4, 5]);
      await harness.break("lastPage");
      expect(await refusal(harness.provider)).toMatchObject({ reason: "ServiceUnavailable" });
    });

    test.runIf(can("credentials"))("says that its credentials were refused", async () => {
      await harness.hold([1]);
      await harness.break("credentials");
      const err = await refusal(harness.provider);
      expect(err.reason).toMatch(/^(Unauthorized|Forbidden)$/);
      expect(err.message).not.toContain("t0ken");
    });

    test.runIf(can("hang"))("ends at once when nobody waits any more", async () => {
      await harness.hold([1]);
      await harness.break("hang");
      const end = new AbortController();
      const asked = harness.provider.find(end.signal);
      setImmediate(() => end.abort(new Error("nobody waits")));
      await expect(asked).rejects.toThrow("nobody waits");
    });

    /** Follows the driver until the test ends; looks happen at rings alone. */
    function followIt() {
      const end = new AbortController();
      const bell = createBell();
      const seen: Sighting[] = [];
      const options = { clock: manualClock(), intervalMs: 60_000, bell, signal: end.signal };
      const following = (async () => {
        for await (const sighting of follow(harness.provider, options)) seen.push(sighting);
      })();
      const until = (why: string, wanted: (last: Sighting) => boolean) =>
        eventually(why, () => {
          const last = seen.at(-1);
          return last !== undefined && wanted(last) ? last : undefined;
        });
      return {
        until,
        ring: () => bell.ring(),
        async [Symbol.asyncDispose]() {
          end.abort();
          await following;
        },
      };
    }

    test.runIf(!isFixed)("is followed from set to set, and ends without an error", async () => {
      await harness.hold([1, 2]);
      await using followed = followIt();
      await followed.until("the first set is told", ({ hosts }) => hosts?.length === 2);
      await harness.hold([2]);
      followed.ring();
      const last = await followed.until("the next set is told", ({ hosts }) => hosts?.length === 1);
      expect(last.trouble).toBeUndefined();
    });

    test.runIf(can("garbage"))("tells a look that failed without a set, and goes on", async () => {
      await harness.hold([1, 2]);
      await using followed = followIt();
      await followed.until("the first set is told", ({ hosts }) => hosts?.length === 2);
      await harness.break("garbage");
      followed.ring();
      const failed = await followed.until("it is told", ({ trouble }) => trouble !== undefined);
      expect(failed.hosts).toBeUndefined();
      await harness.mend();
      followed.ring();
      await followed.until("the set is told again", ({ hosts }) => hosts?.length === 2);
    });
  });
}
