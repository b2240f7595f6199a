import type { Adapter, AdapterPayload } from "oidc-provider";

/** What an issuer remembers, for as long as a test goes; several incarnations of the issuer share it. */
export type OidcMemory = (model: string) => Adapter;

/** Memory for oidc-provider. What has expired is refused by the issuer itself. */
export function oidcMemory(): OidcMemory {
  const kept = new Map<string, AdapterPayload>();
  const find = (fits: (payload: AdapterPayload) => boolean): AdapterPayload | undefined =>
    kept.values().find(fits);
  return (model) => {
    const keyOf = (id: string): string => `${model}:${id}`;
    const isOurs = (payload: AdapterPayload): boolean => payload.kind === model;
    return {
      upsert: async (id, payload) => void kept.set(keyOf(id), { ...payload, kind: model }),
      find: async (id) => Promise.resolve(kept.get(keyOf(id))),
      findByUid: async (uid) =>
        Promise.resolve(find((payload) => isOurs(payload) && payload.uid === uid)),
      findByUserCode: async (code) =>
        Promise.resolve(find((payload) => isOurs(payload) && payload.userCode === code)),
      async consume(id) {
        const payload = kept.get(keyOf(id));
        if (payload !== undefined) payload["consumed"] = Math.floor(Date.now() / 1_000);
        return Promise.resolve();
      },
      destroy: async (id) => void kept.delete(keyOf(id)),
      async revokeByGrantId(grantId) {
        for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
        return Promise.resolve();
      },
    };
  };
}
