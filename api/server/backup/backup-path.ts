/**
 * The right to `get` this path is the right to everything: the answer has all Secrets, the hashes of
 * all passwords and the key of the authority. Only cluster-admin has it.
 */
export const backupPath = "/backup";
