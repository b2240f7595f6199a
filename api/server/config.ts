import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import type { OidcConfig } from "./authn/open-oidc.ts";
import type { ExternalTls } from "./external-tls.ts";

/** Where a server listens. */
export type ListenAddress = {
  /** A name or an IP address without brackets; `0.0.0.0` and `::` mean every interface. */
  readonly host: string;
  /** Integer, 0 to 65535; 0 lets the system choose. */
  readonly port: number;
};

/** The port a server listens on when none is given: that of Kubernetes. */
export const defaultPort = 6443;

/** Reads `HOST:PORT`, `[::1]:PORT`, `HOST` or `:PORT`; `undefined` if the text is none of them. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null || text === "") return undefined;
  const [, v6, name, digits] = match;
  const port = digits === undefined ? defaultPort : Number(digits);
  const host = v6 ?? (name === undefined || name === "" ? "0.0.0.0" : name);
  return port > 65_535 ? undefined : { host, port };
}

const listen = z.string().transform((text, context): ListenAddress => {
  const address = parseListen(text);
  if (address !== undefined) return address;
  context.addIssue({
    code: "custom",
    message: `listen is "${text}", expected HOST:PORT, e.g. 127.0.0.1:${defaultPort}`,
  });
  return z.NEVER;
});

const oidcFlags = z.strictObject({
  issuerUrl: z.string(),
  clientId: z.string().min(1),
  usernameClaim: z.string().min(1).optional(),
  usernamePrefix: z.string().optional(),
  groupsClaim: z.string().min(1).optional(),
  groupsPrefix: z.string().optional(),
  requiredClaims: z.array(z.string()).default([]),
  authorityFile: z.string().min(1).optional(),
});

const count = z.coerce.number().int().min(0).max(1_000_000).optional();
const auditFields = z.strictObject({
  mode: z.enum(["batch", "blocking", "blocking-strict"]).optional(),
  key: z.string().min(1).optional(),
  maxSizeMb: z.coerce.number().int().min(1).max(100_000).optional(),
  maxBackups: count,
  maxAgeDays: count,
});

/** An address, or one with the length of a prefix, e.g. `10.0.0.0/8`. */
function isSubnet(text: string): boolean {
  const [address = "", length, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    length === undefined || (/^\d+$/.test(length) && Number(length) <= (version === 4 ? 32 : 128))
  );
}

const externalTls = z.strictObject({
  pairs: z.array(z.strictObject({ cert: z.string().min(1), key: z.string().min(1) })),
  clientCa: z.string().min(1).optional(),
});

type ExternalInput = z.infer<typeof externalTls>;

/** The same with absolute paths. */
function externalOf(given: ExternalInput | undefined): Pick<ServerConfig, "externalTls"> {
  if (given === undefined) return {};
  const { pairs, clientCa } = given;
  const files: ExternalTls = {
    pairs: pairs.map(({ cert, key }) => ({ cert: resolve(cert), key: resolve(key) })),
    ...(clientCa === undefined ? {} : { clientCa: resolve(clientCa) }),
  };
  return { externalTls: files };
}

const schema = z.strictObject({
  listen: listen.prefault(`127.0.0.1:${defaultPort}`),
  dataDir: z.string().min(1, "dataDir is empty, expected a directory"),
  kubeconfig: z.string().min(1).optional(),
  names: z.array(z.string().min(1)).default([]),
  setupLink: z.boolean().optional(),
  beacon: z
    .string()
    .max(63, "beacon is longer than 63 characters")
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "beacon is no name of an object, e.g. paris")
    .optional(),
  auditLog: z.string().min(1).optional(),
  auditPolicy: z.string().min(1).optional(),
  admissionConfig: z.string().min(1).optional(),
  audit: auditFields.optional(),
  trustedProxies: z.array(z.string().refine(isSubnet, "is no address or CIDR")).optional(),
  tokenIssuer: z
    .string()
    .regex(/^https:\/\/[^/?#\s]+(\/[^?#\s]*)?$/, "tokenIssuer is no https URL without query")
    .optional(),
  authenticationConfig: z.string().min(1).optional(),
  oidc: oidcFlags.optional(),
  externalTls: externalTls.optional(),
});

/** How audit events are written. */
export type AuditConfig = {
  readonly mode?: "batch" | "blocking" | "blocking-strict";
  /** Path of the key that vouches for the log. Default: `audit.key` among the certificates. */
  readonly key?: string;
  /** Of one file. Integer, MiB, default 100. */
  readonly maxSizeMb?: number;
  /** Files set aside. Integer, default 10. */
  readonly maxBackups?: number;
  /** How long those are kept. Integer, days, default 30; 0: for ever. */
  readonly maxAgeDays?: number;
};

/** What a server needs to know. */
export type ServerConfig = {
  readonly listen: ListenAddress;
  /** Absolute path of the directory that keeps certificates. */
  readonly dataDir: string;
  /** Absolute path of the kubeconfig to write access for an administrator into. */
  readonly kubeconfig?: string;
  /** Further DNS names and IP addresses that clients use for the server. */
  readonly names: readonly string[];
  /** Whether to show a link to the first user while there is none. Default true. */
  readonly setupLink?: boolean;
  /** The Beacon of the built-in agent. Default: that of the last start, else the host's name. */
  readonly beacon?: string;
  /** Absolute path of the file that audit events go to. Default: in the data directory. */
  readonly auditLog?: string;
  /** Absolute path of an audit.k8s.io/v1 Policy. Default: see `defaultPolicy`. */
  readonly auditPolicy?: string;
  /** Absolute path of an apiserver.config.k8s.io/v1 AdmissionConfiguration. Default: see `defaultAdmission`. */
  readonly admissionConfig?: string;
  /** How events are written. */
  readonly audit?: AuditConfig;
  /** Addresses and CIDRs of proxies whose `X-Forwarded-For` is believed. Default: nobody's. */
  readonly trustedProxies?: readonly string[];
  /** The `iss` of ServiceAccount tokens: where others find our keys. Default: `defaultIssuer`. */
  readonly tokenIssuer?: string;
  /** Whose ID tokens are users. Default: nobody's. */
  readonly oidc?: OidcConfig;
  /** Certificates that others have issued, for clients who ask for their names. Default: none. */
  readonly externalTls?: ExternalTls;
};

type OidcInput = Pick<z.infer<typeof schema>, "authenticationConfig" | "oidc">;

/** @throws Error when both ways of saying it are used */
function oidcOf({ authenticationConfig: file, oidc }: OidcInput): Pick<ServerConfig, "oidc"> {
  if (file !== undefined && oidc !== undefined) {
    throw new Error(
      "Cannot use the server's configuration:\n✖ authenticationConfig and oidc flags exclude each other",
    );
  }
  if (file !== undefined) return { oidc: { file: resolve(file) } };
  if (oidc === undefined) return {};
  const { authorityFile, ...flags } = oidc;
  if (authorityFile === undefined) return { oidc: { flags } };
  return { oidc: { flags: { ...flags, authorityFile: resolve(authorityFile) } } };
}

/**
 * Reads a configuration as flags and files give it.
 * @throws Error that lists every wrong field.
 */
export function parseServerConfig(input: unknown): ServerConfig {
  const { data, error } = schema.safeParse(input);
  if (error !== undefined) {
    throw new Error(`Cannot use the server's configuration:\n${z.prettifyError(error)}`);
  }
  const { kubeconfig, dataDir, auditLog, auditPolicy, tokenIssuer, beacon, ...others } = data;
  const { authenticationConfig, oidc, audit, trustedProxies = [], setupLink, ...more } = others;
  const { admissionConfig, externalTls: external, ...rest } = more;
  return {
    ...rest,
    ...oidcOf({ authenticationConfig, oidc }),
    dataDir: resolve(dataDir),
    ...(kubeconfig === undefined ? {} : { kubeconfig: resolve(kubeconfig) }),
    ...(auditLog === undefined ? {} : { auditLog: resolve(auditLog) }),
    ...(admissionConfig === undefined ? {} : { admissionConfig: resolve(admissionConfig) }),
    ...(auditPolicy === undefined ? {} : { auditPolicy: resolve(auditPolicy) }),
    ...(tokenIssuer === undefined ? {} : { tokenIssuer }),
    ...(beacon === undefined ? {} : { beacon }),
    ...(setupLink === undefined ? {} : { setupLink }),
    ...(audit === undefined ? {} : { audit: auditOf(audit) }),
    ...(trustedProxies.length === 0 ? {} : { trustedProxies }),
    ...externalOf(external),
  };
}

function auditOf({ key, ...rest }: z.infer<typeof auditFields>): AuditConfig {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...given, ...(key === undefined ? {} : { key: resolve(key) }) };
}

const wildcards = new Set(["0.0.0.0", "::"]);

/** Names that reach every server from its own machine, or from inside a cluster's tools. */
const alwaysNames = [
  "localhost",
  "127.0.0.1",
  "::1",
  "lighthouse",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
];

/**
 * What the serving certificate must cover: where we listen, what this machine is called, and what
 * the configuration adds. `hostname` is the machine's.
 */
export function servingNames(config: ServerConfig, hostname: string): readonly string[] {
  const { host } = config.listen;
  const listening = wildcards.has(host)
    ? Object.values(networkInterfaces()).flatMap((list) =>
        (list ?? []).filter(({ scopeid = 0 }) => scopeid === 0).map(({ address }) => address),
      )
    : [host];
  return [...new Set([...alwaysNames, hostname, ...listening, ...config.names])];
}

/** The URL by which this machine reaches a server that listens there. */
export function serverUrl({ host, port }: ListenAddress): string {
  const name = wildcards.has(host) ? "127.0.0.1" : host;
  return `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** The first address of this machine that others may reach; the loopback when there is no network. */
function outwardAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outward = all.find(({ internal, family }) => !internal && family === "IPv4");
  return outward?.address ?? "127.0.0.1";
}

/** The URL by which other servers reach the one that listens there; `url` is its own, with the port. */
export function peerUrl({ host }: ListenAddress, url: string): string {
  if (!wildcards.has(host)) return url;
  return serverUrl({ host: outwardAddress(), port: Number(new URL(url).port) });
}
