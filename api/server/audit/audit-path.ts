/** Where the events of a server are read; a right of its own, `get` of the non-resource URL. */
export const auditPath = "/audit";
/** Where it is asked what the server vouches for. */
export const auditHeadPath = "/audit/head";
