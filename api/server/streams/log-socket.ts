import { lostRight } from "../live-requests.ts";
import {
  closeCode,
  closeSocket,
  endCode,
  offersOf,
  openWebSocket,
  sendMessage,
} from "./web-socket.ts";
import type { Io } from "./serve-command.ts";
import { noCommonProtocol, type Upgrade } from "./upgrade.ts";

const base64Protocol = "base64.binary.k8s.io";
/** Text of a log in messages: bytes in binary ones, or base64 in text. The empty name is for no offer. */
const protocols: readonly string[] = ["", "binary.k8s.io", base64Protocol];

/**
 * Sends chunks as messages of a WebSocket, each after the one before has left. A source that breaks
 * ends with close code 1011, so that it does not look like its end.
 * @throws StatusError `Forbidden` without a common protocol; then nothing was answered
 */
export async function sendChunks(
  io: Io,
  upgrade: Upgrade,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const offered = offersOf(io.request);
  const wanted = offered.length === 0 ? [""] : offered;
  const protocol = wanted.find((name) => protocols.includes(name));
  if (protocol === undefined) throw noCommonProtocol(offered, protocols.slice(1));
  const { socket, taken } = openWebSocket(io, upgrade, protocol);
  const asText = protocol === base64Protocol;
  const encode = (bytes: Uint8Array): Buffer | string => {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return asText ? view.toString("base64") : view;
  };
  let code: number = closeCode.normal;
  try {
    for await (const chunk of chunks) await sendMessage(socket, encode(chunk));
  } catch {
    code = closeCode.internal; // or the client is gone, and nobody hears it
  }
  const ending = io.request.ending();
  if (lostRight(ending) !== undefined) code = endCode(ending);
  await closeSocket(socket, code);
  taken.done();
}
