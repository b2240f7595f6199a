import type { X509Certificate } from "node:crypto";
import type { AgentKey } from "../../crds/labels.ts";
import type { Clock } from "../machinery/clock.ts";
import { StatusError } from "../machinery/errors.ts";
import { formatTime, parseTime } from "../machinery/time.ts";
import { rotationPath, type AuthorityStatus, type RootStatus } from "../machinery/authority.ts";
import { collectionPrefix } from "../store/keys.ts";
import { beaconCollection } from "./certificates/beacon-record.ts";
import { knownKeys } from "./certificates/known-keys.ts";
import type { App } from "./http.ts";
import type { LivePki } from "./live-pki.ts";
import type { Storage } from "./objects/storage.ts";
import { rootMark } from "./pki/authority-record.ts";
import { certificatesIn } from "./pki/inspect.ts";

/** What the routes of the authority are made of. */
export type AuthorityRoutesOptions = {
  readonly pki: LivePki;
  readonly storage: Pick<Storage, "cache">;
  readonly clock: Pick<Clock, "nowMs">;
};

function rootStatus(certificate: X509Certificate, state: RootStatus["state"]): RootStatus {
  return {
    root: rootMark(certificate.toString()),
    state,
    notBefore: formatTime(certificate.validFromDate.getTime()),
    notAfter: formatTime(certificate.validToDate.getTime()),
  };
}

/** Beacons with an agent whose certificate holds, and is of another root than the one that issues. */
function behind({ pki, storage, clock }: AuthorityRoutesOptions): readonly string[] {
  const current = rootMark(pki.current().issuer.certificate);
  const nowMs = clock.nowMs();
  const isBehind = ({ root, expires }: AgentKey): boolean =>
    root !== current && (parseTime(expires) ?? 0) > nowMs;
  return storage.cache
    .list(collectionPrefix(beaconCollection))
    .filter(({ object }) => knownKeys(object).some(isBehind))
    .map(({ object }) => object.metadata.name);
}

function statusOf(options: AuthorityRoutesOptions): AuthorityStatus {
  const { pki } = options;
  const { authority, retired } = pki.current();
  const record = pki.record();
  const [issuing, ...others] = certificatesIn(authority);
  return {
    phase: record?.phase ?? "Stable",
    ...(record === undefined ? {} : { since: formatTime(record.sinceMs) }),
    roots: [
      ...(issuing === undefined ? [] : [rootStatus(issuing, "Issuing")]),
      ...others.map((root) => rootStatus(root, "Trusted")),
      ...retired.flatMap(certificatesIn).map((root) => rootStatus(root, "Dropped")),
    ],
    behind: record === undefined ? [] : behind(options),
  };
}

/** So many names are told. */
const maxNames = 10;

function checkNobodyBehind(options: AuthorityRoutesOptions): void {
  const names = behind(options);
  if (names.length === 0) return;
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : "";
  const list = `${names.slice(0, maxNames).join(", ")}${more}`;
  throw new StatusError(
    "Conflict",
    `Cannot finish the rotation: agents of ${names.length} beacons still have certificates of the old root (${list}): those that are connected renew within minutes; with force the others need an approval when they are back`,
  );
}

/**
 * Serves what there is to see and to do about the certificate authority: `GET /authority`, and
 * `POST /authority/rotate` and `/authority/finish`, which with `?force=true` does not wait for agents.
 */
export function serveAuthority(app: App, options: AuthorityRoutesOptions): void {
  const { pki } = options;
  app.get(rotationPath, () => statusOf(options));
  app.post(`${rotationPath}/rotate`, async () => {
    await pki.rotate();
    return statusOf(options);
  });
  app.post(`${rotationPath}/finish`, async ({ query }) => {
    const isForced = (query as { readonly force?: unknown }).force === "true";
    if (!isForced && pki.record()?.phase === "Issuing") checkNobodyBehind(options);
    await pki.finish();
    return statusOf(options);
  });
}
