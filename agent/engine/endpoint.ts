import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { badRequest, unavailable } from "../../api/machinery/errors.ts";

/** Certificates of a TLS endpoint, in PEM. */
export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

/** How to log in to a host whose engine is reached by ssh. Texts, not files: they may be secret. */
export type SshLogin = {
  /** Private key in PEM or OpenSSH form; absent means the keys of the agent at `SSH_AUTH_SOCK`. */
  readonly privateKey?: string;
  /** Lines of a known_hosts file: hosts that are not in it are refused. */
  readonly knownHosts: string;
};

/** Where an engine answers. `url` is what the user gave, for messages. */
export type Endpoint =
  | { readonly kind: "unix"; readonly url: string; readonly socketPath: string }
  | {
      readonly kind: "tcp";
      readonly url: string;
      readonly host: string;
      readonly port: number;
      /** Path before the API's own, e.g. `/api/v1/nodes/host-1/proxy`; empty otherwise. */
      readonly basePath: string;
      /** Absent: plain text. */
      readonly tls?: TlsFiles;
    }
  | {
      readonly kind: "ssh";
      readonly url: string;
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** PEM or OpenSSH form; absent: keys of the agent at `SSH_AUTH_SOCK`. */
      readonly privateKey?: string;
      /** Lines of a known_hosts file. */
      readonly knownHosts: string;
    };

/** What a URL alone does not say. */
export type EndpointOptions = {
  /** Directory with ca.pem, cert.pem and key.pem, as `DOCKER_CERT_PATH`. */
  readonly certDir?: string;
  /** The same as texts. */
  readonly tls?: TlsFiles;
  /** How to log in by ssh. */
  readonly ssh?: SshLogin;
};

/** Linux keeps a socket's path in 108 bytes, one of them the end mark. */
const maxSocketPathBytes = 107;

function readPem(dir: string, name: string, url: string): string {
  try {
    return readFileSync(join(dir, name), "utf8");
  } catch (cause) {
    const path = join(dir, name);
    throw unavailable(
      `Cannot read ${path} for Docker engine ${url}: TLS needs ca.pem, cert.pem and key.pem in ${dir}`,
      { cause },
    );
  }
}

function unixEndpoint(url: string): Endpoint {
  const socketPath = url.slice("unix://".length);
  if (!socketPath.startsWith("/"))
    throw badRequest(`Cannot use Docker URL "${url}": want unix:///absolute/path`);
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > maxSocketPathBytes)
    throw badRequest(
      `Cannot use Docker URL "${url}": the socket path has ${bytes} bytes, limit ${maxSocketPathBytes}`,
    );
  return { kind: "unix", url, socketPath };
}

function tlsOf(url: string, { certDir, tls }: EndpointOptions): TlsFiles | undefined {
  if (tls !== undefined || certDir === undefined) return tls;
  return {
    ca: readPem(certDir, "ca.pem", url),
    cert: readPem(certDir, "cert.pem", url),
    key: readPem(certDir, "key.pem", url),
  };
}

function tcpEndpoint(url: string, options: EndpointOptions): Endpoint {
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^tcp:/, "http:"));
  } catch (cause) {
    throw badRequest(`Cannot use Docker URL "${url}": want tcp://HOST:PORT`, { cause });
  }
  const tls = tlsOf(url, options);
  if (parsed.protocol === "https:" && tls === undefined)
    throw badRequest(
      `Cannot use Docker URL "${url}": https needs client certificates, set DOCKER_CERT_PATH to their directory`,
    );
  return {
    kind: "tcp",
    url,
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || (tls === undefined ? "2375" : "2376")),
    basePath: parsed.pathname.replace(/\/+$/, ""),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Nothing that a shell, or an option parser, could take for something else. */
const sshUrl =
  /^ssh:\/\/(?:([A-Za-z_][A-Za-z0-9_.-]{0,31})@)?([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?\/?$/;

function sshEndpoint(url: string, login: SshLogin | undefined): Endpoint {
  const [, user = userInfo().username, host, port = "22"] = sshUrl.exec(url) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw badRequest(`Cannot use Docker URL "${url}": want ssh://USER@HOST:PORT`);
  if (login === undefined)
    throw badRequest(
      `Cannot use Docker URL "${url}": ssh needs a known_hosts file with the host's key, so that ` +
        "nobody else can answer; log in once with ssh, or name one in the file of hosts",
    );
  return {
    kind: "ssh",
    url,
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    user,
    ...login,
  };
}

/**
 * Reads a Docker URL: `unix:///path`, `/path`, `tcp://host:port[/base]`, `http://...`, or `https://...`, or
 * `ssh://user@host:port`.
 *
 * @throws StatusError `BadRequest` for a URL that cannot be one, `ServiceUnavailable` for unreadable
 * certificates.
 */
export function parseEndpoint(url: string, options: EndpointOptions = {}): Endpoint {
  if (url.startsWith("unix://")) return unixEndpoint(url);
  if (url.startsWith("/")) return unixEndpoint(`unix://${url}`);
  if (/^(tcp|https?):\/\//.test(url)) return tcpEndpoint(url, options);
  if (url.startsWith("ssh://")) return sshEndpoint(url, options.ssh);
  throw badRequest(
    `Cannot use Docker URL "${url}": want unix:///path/docker.sock, tcp://HOST:PORT or ssh://USER@HOST`,
  );
}
