import { X509Certificate } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../machinery/clock.ts";
import { formatTime } from "../../machinery/time.ts";
import type { ItemEvent } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { beaconOf } from "../authz/node-identity.ts";
import { beaconCollection } from "../certificates/beacon-record.ts";
import { beaconSigner } from "../certificates/beacon-request.ts";
import { isKnownKey, revokedAt } from "../certificates/known-keys.ts";
import { keyFingerprint } from "../certificates/read-request.ts";
import { userOf } from "./certificate.ts";

/** A client certificate, read once per connection. */
export type BeaconCertificate = {
  readonly beacon: string;
  readonly fingerprint: string;
  readonly endMs: number;
  /** Whether it was signed on request: only such keys are on record. */
  readonly enrolled: boolean;
};

/** Says whose certificates are still accepted. */
export interface BeaconGuard {
  /** Why a certificate is refused, for its owner; `undefined` when it is not. */
  problem(certificate: BeaconCertificate): string | undefined;
  /** Ends the connections of a listener, with all their streams, once their certificate is refused. */
  watch(listener: EventEmitter): void;
}

/** What the guard needs. */
export type BeaconGuardOptions = {
  readonly cache: WatchCache;
  readonly clock: Pick<Clock, "nowMs" | "sleep">;
};

/** Timers of Node.js are no longer than 24 days. */
const longestSleepMs = 86_400_000;

/** What a certificate says of the beacon it is for; `undefined` when it is no agent's. */
export function beaconCertificate(der: Uint8Array): BeaconCertificate | undefined {
  const user = userOf(der);
  const beacon = user === undefined ? undefined : beaconOf(user);
  if (beacon === undefined) return undefined;
  const certificate = new X509Certificate(der);
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    beacon,
    fingerprint: keyFingerprint(spki),
    endMs: certificate.validToDate.getTime(),
    enrolled: certificate.subject.split("\n").includes(`OU=${beaconSigner}`),
  };
}

const joinAgain = (beacon: string): string =>
  `join again with a token of "lighthouse token create --beacon ${beacon}"`;

class Guard implements BeaconGuard {
  readonly #options: BeaconGuardOptions;
  readonly #sockets = new Map<string, Map<TLSSocket, BeaconCertificate>>();

  constructor(options: BeaconGuardOptions) {
    this.#options = options;
    this.#follow();
  }

  problem({ beacon, fingerprint, endMs, enrolled }: BeaconCertificate): string | undefined {
    const { cache, clock } = this.#options;
    const nowMs = clock.nowMs();
    const refused = (why: string): string =>
      `Cannot accept the certificate of beacon "${beacon}": ${why}`;
    if (beacon === "") return refused("its name says no beacon");
    // A connection may outlive the certificate that it was opened with.
    if (endMs <= nowMs) {
      return refused(
        `it ended at ${formatTime(endMs)}, the server's clock says ${formatTime(nowMs)}`,
      );
    }
    const stored = cache.newest(storeKey(beaconCollection, { name: beacon }))?.object;
    const revoked = stored === undefined ? "" : revokedAt(stored);
    if (!enrolled) return revoked === "" ? undefined : refused(`it was revoked at ${revoked}`);
    if (stored === undefined) {
      return refused(`there is no such Beacon, it was deleted; ${joinAgain(beacon)}`);
    }
    if (isKnownKey(stored, fingerprint)) return undefined;
    const what = revoked === "" ? "its key is not on record" : `it was revoked at ${revoked}`;
    return refused(`${what}; ${joinAgain(beacon)}`);
  }

  watch(listener: EventEmitter): void {
    listener.on("secureConnection", (socket: TLSSocket) => {
      const der = socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined;
      const certificate = der === undefined ? undefined : beaconCertificate(der);
      if (certificate !== undefined) this.#track(socket, certificate);
    });
  }

  #track(socket: TLSSocket, certificate: BeaconCertificate): void {
    const { beacon } = certificate;
    const own = this.#sockets.get(beacon) ?? new Map<TLSSocket, BeaconCertificate>();
    this.#sockets.set(beacon, own.set(socket, certificate));
    const closed = new AbortController();
    socket.once("close", () => {
      closed.abort();
      own.delete(socket);
      if (own.size === 0 && this.#sockets.get(beacon) === own) this.#sockets.delete(beacon);
    });
    void this.#endInTime(certificate, closed.signal); // never rejects
  }

  /** Watches and tunnels ask nothing any more that could be refused: they end with their certificate. */
  async #endInTime({ beacon, endMs }: BeaconCertificate, closed: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let restMs = endMs - clock.nowMs(); restMs > 0; restMs = endMs - clock.nowMs()) {
      await clock.sleep(Math.min(restMs, longestSleepMs), closed).catch(() => undefined);
      if (closed.aborted) return;
    }
    this.#check(beacon);
  }

  #check(beacon: string): void {
    for (const [socket, certificate] of this.#sockets.get(beacon) ?? []) {
      if (this.problem(certificate) !== undefined) socket.destroy();
    }
  }

  #follow(): void {
    const { cache } = this.#options;
    cache.subscribe(collectionPrefix(beaconCollection), cache.revision, {
      onEvents: (events: readonly ItemEvent[]) => {
        for (const { item } of events) this.#check(item.object.metadata.name);
      },
      onReset: () => queueMicrotask(() => this.#follow()),
    });
    for (const beacon of this.#sockets.keys()) this.#check(beacon);
  }
}

/**
 * Refuses certificates of beacons that were revoked, deleted or replaced, by what the watch cache knows
 * on each request, and ends what is open at once.
 */
export function openBeaconGuard(options: BeaconGuardOptions): BeaconGuard {
  return new Guard(options);
}
