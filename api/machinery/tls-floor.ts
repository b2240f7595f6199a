/**
 * What every TLS connection of ours asks for at least, on either side, said where it is opened so that
 * no `NODE_OPTIONS` and no default of another Node.js lowers it: TLS 1.2 with forward secrecy and
 * authenticated encryption, else TLS 1.3. The suites are those of Mozilla's "intermediate" profile
 * without DHE.
 * @see https://wiki.mozilla.org/Security/Server_Side_TLS
 */
export const tlsFloor = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
} as const;

/** For servers of others, such as a cloud's API: which suites they offer is theirs to say. */
export const tlsFloorOfOthers = { minVersion: tlsFloor.minVersion } as const;
