import { readFileSync } from "node:fs";
import { join } from "node:path";
import { badRequest, unavailable } from "../../api/machinery/errors.ts";

/** Certificates of a TLS endpoint, in PEM. */
export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

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
    };

/** What a URL alone does not say. */
export type EndpointOptions = {
  /** Directory with ca.pem, cert.pem and key.pem, as `DOCKER_CERT_PATH`. */
  readonly certDir?: string;
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

function tcpEndpoint(url: string, certDir: string | undefined): Endpoint {
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^tcp:/, "http:"));
  } catch (cause) {
    throw badRequest(`Cannot use Docker URL "${url}": want tcp://HOST:PORT`, { cause });
  }
  const secure = parsed.protocol === "https:" || certDir !== undefined;
  if (secure && certDir === undefined)
    throw badRequest(
      `Cannot use Docker URL "${url}": https needs client certificates, set DOCKER_CERT_PATH to their directory`,
    );
  return {
    kind: "tcp",
    url,
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || (secure ? "2376" : "2375")),
    basePath: parsed.pathname.replace(/\/+$/, ""),
    ...(certDir === undefined
      ? {}
      : {
          tls: {
            ca: readPem(certDir, "ca.pem", url),
            cert: readPem(certDir, "cert.pem", url),
            key: readPem(certDir, "key.pem", url),
          },
        }),
  };
}

/**
 * Reads a Docker URL: `unix:///path`, `/path`, `tcp://host:port[/base]`, `http://...`, or `https://...`.
 *
 * @throws StatusError `BadRequest` for a URL that cannot be one, `ServiceUnavailable` for unreadable
 * certificates.
 */
export function parseEndpoint(url: string, options: EndpointOptions = {}): Endpoint {
  if (url.startsWith("unix://")) return unixEndpoint(url);
  if (url.startsWith("/")) return unixEndpoint(`unix://${url}`);
  if (/^(tcp|https?):\/\//.test(url)) return tcpEndpoint(url, options.certDir);
  if (url.startsWith("ssh://"))
    throw badRequest(
      `Cannot use Docker URL "${url}": ssh is not supported yet; forward the socket with ` +
        `"ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST" and use unix:///tmp/docker.sock`,
    );
  throw badRequest(
    `Cannot use Docker URL "${url}": want unix:///path/docker.sock or tcp://HOST:PORT`,
  );
}
