import { collectionPrefix, storeKey } from "../../store/keys.ts";

const group = "lighthouse.dev";

/** The group and plural of Users. */
export const userCollection = { group, plural: "users" } as const;

/** The group and plural of Sessions. */
export const sessionCollection = { group, plural: "sessions" } as const;

/** Hashes of passwords by uid of the User. No kind is served from here, and none may ever be. */
export const passwordCollection = { group, plural: "passwords" } as const;

/** Digests of the tokens of Sessions, by the name of the Session. No kind is served from here. */
export const sessionSecretCollection = { group, plural: "sessionsecrets" } as const;

/** The link for the first user, as long as there is none. No kind is served from here. */
export const setupCollection = { group, plural: "setuplinks" } as const;

/** How far a rotation of the certificate authority is, with sealed keys. No kind is served from here. */
export const authorityCollection = { group, plural: "authorities" } as const;

/** Plurals of our group that no CustomResourceDefinition may serve. */
export const hiddenCollections = [
  passwordCollection,
  sessionSecretCollection,
  setupCollection,
  authorityCollection,
];

/** Where what belongs to users is kept. */
export const keyOf = {
  user: (name: string): string => storeKey(userCollection, { name }),
  session: (name: string): string => storeKey(sessionCollection, { name }),
  password: (uid: string): string => storeKey(passwordCollection, { name: uid }),
  sessionSecret: (session: string): string => storeKey(sessionSecretCollection, { name: session }),
  setupLink: storeKey(setupCollection, { name: "first-user" }),
} as const;

/** What all keys of a collection start with. */
export const prefixOf = {
  users: collectionPrefix(userCollection),
  sessions: collectionPrefix(sessionCollection),
  passwords: collectionPrefix(passwordCollection),
  sessionSecrets: collectionPrefix(sessionSecretCollection),
} as const;
