import { annotation } from "../../../crds/labels.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type BootstrapToken, useProblem } from "../authn/bootstrap-token.ts";
import { beaconUser } from "../authz/node-identity.ts";
import { isKnownKey, knownKeys } from "./known-keys.ts";

/** Everything that decides about a request for an agent's certificate. */
export type RequestSight = {
  /** The beacon that it would speak for. */
  readonly beacon: string;
  /** Fingerprint of the key that it is for. */
  readonly key: string;
  /** The user that asks. */
  readonly user: string;
  /** uid of the request. */
  readonly uid: string;
  /** The bootstrap token that it was asked with, if it is still there. */
  readonly token: BootstrapToken | undefined;
  /** The Beacon of that name, if there is one. */
  readonly stored: AnyObject | undefined;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

/** What becomes of a request; `why` is for its sender and for who approves. */
export type Judgement = {
  readonly does: "approve" | "deny" | "wait";
  readonly why: string;
};

const approveWith = (beacon: string): string =>
  `approve it with "lighthouse beacon approve ${beacon}"`;

/**
 * Whether a name is somebody's. Revoking forgets the keys and frees no name; the agent inside a server
 * has no key on record, and shows by what it reports; a Beacon that people wrote in advance is free.
 */
function isTaken(beacon: AnyObject): boolean {
  const revoked = beacon.metadata.annotations?.[annotation.revoked] !== undefined;
  return revoked || knownKeys(beacon).length > 0 || beacon["status"] !== undefined;
}

function judgeToken(sight: RequestSight, token: BootstrapToken): Judgement {
  const { beacon, key, uid, stored, nowMs } = sight;
  const counted = token.usedBy.includes(uid);
  const problem = counted ? undefined : useProblem(token, nowMs);
  if (problem !== undefined) return { does: "deny", why: problem };
  if (token.beacon === beacon) {
    return { does: "approve", why: `token ${token.id} is for beacon "${beacon}"` };
  }
  if (token.beacon !== "") {
    return { does: "deny", why: `token ${token.id} is for beacon "${token.beacon}"` };
  }
  if (stored === undefined || !isTaken(stored) || isKnownKey(stored, key)) {
    return { does: "approve", why: `token ${token.id} is good for a beacon of any free name` };
  }
  const why = `beacon "${beacon}" is there with another key; ${approveWith(beacon)}`;
  return { does: "wait", why };
}

/**
 * Decides about a request that nobody has decided about: a token opens the names that are free or
 * that it was made for, a beacon renews for the key that it is known by, and all else waits for a
 * person. Pure.
 */
export function judgeRequest(sight: RequestSight): Judgement {
  const { beacon, key, user, token, stored } = sight;
  if (token !== undefined) return judgeToken(sight, token);
  if (user === beaconUser(beacon) && stored !== undefined && isKnownKey(stored, key)) {
    return { does: "approve", why: `beacon "${beacon}" renews its certificate` };
  }
  return { does: "wait", why: `"${user}" asks for beacon "${beacon}"; ${approveWith(beacon)}` };
}
