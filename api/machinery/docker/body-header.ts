/**
 * Header in which the API server sends an agent the body of a call that also upgrades, in base64: only
 * `POST /exec/ID/start` has both, and its body is a few bytes. Clients cannot send it.
 */
export const bodyHeader = "x-lighthouse-body";
