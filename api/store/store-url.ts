import { isAbsolute, resolve } from "node:path";
import { badRequest } from "../machinery/errors.ts";

/** Files that secure the way to etcd, in PEM. Without `ca` the system's authorities count. */
export type EtcdTls = { readonly ca?: string; readonly cert?: string; readonly key?: string };

/** An etcd cluster, as named by a store URL. */
export type EtcdAddress = {
  readonly driver: "etcd";
  /** One or more of `host:port`. */
  readonly hosts: readonly string[];
  /** What every key of ours starts with, e.g. `/lighthouse`; empty for the whole key space. */
  readonly prefix: string;
  /** Present: TLS, with these files. Absent: plain text. */
  readonly tls?: EtcdTls;
  readonly user?: { readonly name: string; readonly password: string };
};

/** Where the data of a store is. */
export type StoreAddress =
  { readonly driver: "memory" } | { readonly driver: "lmdb"; readonly dir: string } | EtcdAddress;

const forms = "memory:, lmdb:///DIRECTORY, etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT][/PREFIX]";
const etcdOptions = ["ca", "cert", "key"] as const;

/**
 * Reads a store URL: `memory:`, `lmdb:///var/lib/lighthouse/store` or
 * `etcds://user:pass@h1:2379,h2:2379/prefix?ca=FILE&cert=FILE&key=FILE`. With `etcds` or any of
 * the three files the connection is TLS. User, password and prefix are percent-decoded.
 * @throws StatusError `BadRequest` that never repeats a password.
 */
export function parseStoreUrl(url: string): StoreAddress {
  const [, scheme = "", rest = ""] = /^([a-z0-9+.-]+):(.*)$/is.exec(url) ?? [];
  switch (scheme.toLowerCase()) {
    case "memory":
      if (rest === "" || rest === "//") return { driver: "memory" };
      throw badRequest('Cannot open the store "memory:" with a path: it has none');
    case "lmdb":
      return { driver: "lmdb", dir: parseDir(rest) };
    case "etcd":
      return parseEtcd(rest, false);
    case "etcds":
      return parseEtcd(rest, true);
    case "":
      throw badRequest(`Cannot read the store URL: it has no scheme, expected one of ${forms}`);
    default:
      throw badRequest(`Cannot open a store with scheme "${scheme}": expected one of ${forms}`);
  }
}

function parseDir(rest: string): string {
  const path = decode(rest.replace(/^\/\/(?=\/)/, ""));
  if (path === "" || path.startsWith("//")) {
    throw badRequest(
      "Cannot read the LMDB store URL: expected lmdb:///DIRECTORY or lmdb:DIRECTORY",
    );
  }
  return isAbsolute(path) ? path : resolve(path);
}

function parseEtcd(rest: string, secure: boolean): EtcdAddress {
  // By hand: the URL class knows one host only. The last @ ends the password.
  const [, credentials, list = "", path = "", query = ""] =
    /^\/\/(?:(.*)@)?([^/?@]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(rest) ?? [];
  const hosts = list.split(",").map(parseHost);
  const prefix = decode(path).replace(/\/+$/, "");
  const tls = parseTls(query);
  const base = { driver: "etcd" as const, hosts, prefix };
  const user = credentials === undefined ? {} : { user: parseUser(credentials) };
  return secure || Object.keys(tls).length > 0 ? { ...base, tls, ...user } : { ...base, ...user };
}

function parseHost(text: string): string {
  const [, host, port = "2379"] =
    /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined) {
    throw badRequest(`Cannot read the etcd endpoint "${text}": expected HOST or HOST:PORT`);
  }
  return `${host}:${port}`;
}

function parseTls(query: string): EtcdTls {
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const option = etcdOptions.find((known) => known === name);
    if (option === undefined) {
      const known = etcdOptions.join(", ");
      throw badRequest(`Cannot use the etcd URL option "${name}": expected one of ${known}`);
    }
    tls[option] = value;
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw badRequest("Cannot use a client certificate without its key: give both cert and key");
  }
  return tls;
}

function parseUser(credentials: string): { name: string; password: string } {
  const colon = credentials.indexOf(":");
  if (colon <= 0)
    throw badRequest("Cannot read the etcd user: expected USER:PASSWORD@ before the hosts");
  return {
    name: decode(credentials.slice(0, colon)),
    password: decode(credentials.slice(colon + 1)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (err) {
    // Without the text: it may be a password.
    throw badRequest("Cannot read the store URL: a percent sign must be written %25", {
      cause: err,
    });
  }
}
