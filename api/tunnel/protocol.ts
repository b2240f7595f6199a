import { constants } from "node:http2";
import { StatusError } from "../machinery/errors.ts";

/** What an agent asks to upgrade to (RFC 9110, 7.8): from then on the API server is the HTTP/2 client. */
export const tunnelProtocol = "lighthouse-tunnel";

/** The same over a WebSocket, for proxies that let no other upgrade pass: its subprotocol. */
export const tunnelSubprotocol = "tunnel.lighthouse.dev";

/** Header of the request and of the 101: the version that the sender speaks, an integer. */
export const versionHeader = "lighthouse-tunnel-version";

/** The version that this program speaks. A change that its neighbours cannot read adds two. */
export const tunnelVersion = 1;

/** Where an agent asks for the tunnel of its beacon. */
export function tunnelPath(beacon: string): string {
  return `/apis/lighthouse.dev/v1/beacons/${encodeURIComponent(beacon)}/tunnel`;
}

/**
 * Refuses a peer that is more than one version away. `whose` begins the sentence, e.g. `the agent`.
 * @throws StatusError `BadRequest` naming both versions
 */
export function checkVersion(text: string | undefined, whose: string): void {
  const version = /^\d{1,6}$/.test(text ?? "") ? Number(text) : undefined;
  if (version !== undefined && Math.abs(version - tunnelVersion) <= 1) return;
  const have = version === undefined ? `no version (${JSON.stringify(text ?? "")})` : version;
  throw new StatusError(
    "BadRequest",
    `Cannot open the tunnel: ${whose} speaks version ${have}, this side ${tunnelVersion} and its neighbours; upgrade the older one`,
  );
}

/** The two streams that a server opens: one for as long as the tunnel, and one for each call. */
export const paths = { control: "/control", call: "/call" } as const;

/** Of one stream: what a reader that stands still holds back in memory at most, in bytes. */
const streamWindowBytes = 1 << 20;

/** Of the whole tunnel: enough for a path of 50 ms at 1 GB/s, in bytes. */
export const sessionWindowBytes = 64 << 20;

/** Of all headers of one stream, in bytes: those of a request to the API server fit in. */
const maxHeaderBytes = 256 << 10;

/** How both ends speak HTTP/2. */
export const sessionOptions = {
  settings: {
    enablePush: false,
    initialWindowSize: streamWindowBytes,
    maxFrameSize: 1 << 17,
    maxConcurrentStreams: 10_000,
    maxHeaderListSize: maxHeaderBytes,
  },
  peerMaxConcurrentStreams: 10_000,
  maxSendHeaderBlockLength: maxHeaderBytes,
  maxSessionMemory: 1_000,
  // A server that goes away cancels all that it has open at once; it is trusted to.
  streamResetBurst: 20_000,
  streamResetRate: 5_000,
} as const;

/** How streams are cut. */
export const resetCode = {
  cancel: constants.NGHTTP2_CANCEL,
  none: constants.NGHTTP2_NO_ERROR,
} as const;
