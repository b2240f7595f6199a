import type { ShortRule } from "./bootstrap-rules.ts";

/** Every API server is in this group towards the others. */
export const peersGroup = "system:lighthouse:servers";
/** The user that an API server is towards the others of its store. */
export const peerUser = "system:lighthouse:server";
/** Where API servers relay calls to each other's tunnels. */
export const peerPath = "/lighthouse/peer";

/** Relaying calls to Nodes whose tunnel another API server holds. */
export const relaying: readonly ShortRule[] = [{ nonResourceURLs: [peerPath], verbs: ["get"] }];
