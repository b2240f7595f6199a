import { inject, test } from "vitest";
import { gapOf } from "./gaps.ts";
import { openRaw, type RawClient } from "./raw.ts";
import type { SiteAddress } from "./site.ts";
import { freshNamespace } from "./suite.ts";

/** What a pitfall's test works with. */
export type Ground = {
  readonly raw: RawClient;
  readonly site: SiteAddress;
  /** A namespace of its own. */
  readonly namespace: string;
};

/**
 * A test of one of the thirty ways in which home-made API servers fail real clients, by its rank,
 * 1 to 30. It fails when the server steps into it. Several tests may share a rank.
 */
export function pitfall(
  rank: number,
  title: string,
  body: (ground: Ground) => Promise<void>,
): void {
  const number = String(rank).padStart(2, "0");
  const name = `pitfall ${number} ${title}`;
  const reason = gapOf(name);
  const play = async (): Promise<void> => {
    const site = inject("site");
    await using raw = await openRaw(site);
    const namespace = await freshNamespace(site, `pitfall-${number}`);
    await body({ raw, site, namespace });
  };
  const [register, shown] =
    reason === undefined
      ? [test.concurrent, name]
      : [test.concurrent.fails, `${name} (expected failure: ${reason})`];
  register(shown, play);
}
