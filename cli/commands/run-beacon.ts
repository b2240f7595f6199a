import { hostname } from "node:os";
import { type Persistence, persist } from "../../agent/persist.ts";
import type { Client } from "../../api/client/client.ts";
import { selfSubjectReviews } from "../../api/machinery/resources.ts";
import { beaconOf } from "../../api/server/authz/node-identity.ts";
import { beaconNameOf } from "../../api/server/pki/beacon-name.ts";
import { Misuse } from "../command.ts";

/** Who asks, and for how long it is worth waiting. */
export type Asker = Persistence & { readonly client: Pick<Client, "create"> };

const question = {
  apiVersion: "authentication.k8s.io/v1",
  kind: "SelfSubjectReview",
  metadata: {},
};

/**
 * The beacon that an agent is to speak for: the one that its credentials are for. With those of a person
 * it is the one that was asked for, else that of the host's name. Waits for the server; `undefined`
 * when the signal aborted before it answered.
 * @throws Misuse when another beacon is asked for than the credentials are for
 */
export async function beaconName(
  asked: string | undefined,
  asker: Asker,
): Promise<string | undefined> {
  const review = await persist("learn which beacon this is", asker, () =>
    asker.client.create(selfSubjectReviews, question),
  );
  if (review === undefined) return undefined;
  const { username = "", groups = [] } = review.status?.userInfo ?? {};
  const certified = beaconOf({ name: username, groups });
  if (certified === undefined || certified === "") return asked ?? beaconNameOf(hostname());
  if (asked === undefined || asked === certified) return certified;
  throw new Misuse(
    `Cannot run as beacon "${asked}": the credentials are of beacon "${certified}"; leave out --beacon, or join as "${asked}"`,
  );
}
