import { PassThrough, Writable } from "node:stream";
import type { WebSocket } from "ws";
import {
  channel,
  type ChannelMessage,
  type ChannelProtocol,
  decodeMessage,
  encodeMessage,
} from "./channels.ts";
import {
  type CommandClient,
  type CommandRequest,
  outcomeStatus,
  outcomeText,
  Sizes,
} from "./command-client.ts";
import { closeCode, closeSocket, sendMessage } from "./web-socket.ts";

/** The client of a command over channels of a WebSocket. To be called as soon as it is open. */
export function channelCommand(
  socket: WebSocket,
  protocol: ChannelProtocol,
  wanted: CommandRequest,
): CommandClient {
  const gone = new AbortController();
  const sizes = new Sizes();
  const stdin = wanted.stdin ? new PassThrough({ highWaterMark: 64 * 1024 }) : undefined;
  stdin?.on("error", () => {}); // destroyed when the process ended first
  stdin?.on("drain", () => socket.resume());

  const receive = ({ channel: number, bytes }: ChannelMessage): void => {
    if (number === channel.stdin && bytes.length > 0) {
      if (stdin?.writable === true && !stdin.write(bytes)) socket.pause();
    } else if (number === channel.resize) sizes.read(bytes);
    else if (number === channel.close && protocol.closes && bytes[0] === channel.stdin)
      stdin?.end();
  };
  socket.on("message", (data: Buffer) => {
    const message = decodeMessage(protocol, data);
    if (message !== undefined) receive(message);
  });
  socket.once("close", () => {
    stdin?.end();
    gone.abort();
  });

  const send = (number: number, bytes: Uint8Array): Promise<void> =>
    sendMessage(socket, encodeMessage(protocol, { channel: number, bytes }));
  const output = (number: number): Writable =>
    new Writable({
      highWaterMark: 64 * 1024,
      write: (chunk: Buffer, _encoding, done) => {
        socket.send(encodeMessage(protocol, { channel: number, bytes: chunk }), done);
      },
    }).on("error", () => {}); // the client is gone, and `gone` says so
  const stdout = wanted.stdout ? output(channel.stdout) : undefined;
  const stderr = wanted.stderr && !wanted.tty ? output(channel.stderr) : undefined;
  // An empty message tells clients that everything is connected, as Kubernetes does.
  const first = wanted.stdout
    ? channel.stdout
    : stderr === undefined
      ? channel.error
      : channel.stderr;
  send(first, Buffer.alloc(0)).catch(() => {}); // gone: see above

  return {
    stdin,
    stdout,
    stderr,
    gone: gone.signal,
    onResize: (listener) => sizes.listen(listener),
    async end(outcome) {
      const text = protocol.jsonStatus
        ? JSON.stringify(outcomeStatus(outcome))
        : outcomeText(outcome);
      // Messages keep their order, so all output is before it.
      if (text !== "") await send(channel.error, Buffer.from(text)).catch(() => {});
      stdin?.destroy();
      await closeSocket(socket, closeCode.normal);
    },
    abandon: (why) => closeSocket(socket, closeCode.goingAway, why),
  };
}
