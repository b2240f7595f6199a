/**
 * How streams share a WebSocket: the first byte of a message is the channel, the rest its data. In the
 * base64 variants the channel is an ASCII digit and the rest is base64 in text messages
 * (apiserver pkg/util/httpstream/wsstream).
 */

/** How a subprotocol writes messages, and what it can say. */
export type ChannelProtocol = {
  readonly name: string;
  readonly base64: boolean;
  /** The end of a command is a JSON Status; before v4 it is the text of an error. */
  readonly jsonStatus: boolean;
  /** From v5 on a client can close one channel: `255` and its number. */
  readonly closes: boolean;
};

const protocol = (name: string, version: number): ChannelProtocol => ({
  name,
  base64: name.includes("base64"),
  jsonStatus: version >= 4,
  closes: version >= 5,
});

/** Of exec and attach. The empty name is for clients that offer none. */
export const commandProtocols: readonly ChannelProtocol[] = [
  protocol("v5.channel.k8s.io", 5),
  protocol("v4.channel.k8s.io", 4),
  protocol("v4.base64.channel.k8s.io", 4),
  protocol("channel.k8s.io", 1),
  protocol("base64.channel.k8s.io", 1),
  protocol("", 1),
];

/** Of port-forward. */
export const forwardProtocols: readonly ChannelProtocol[] = [
  protocol("v4.channel.k8s.io", 4),
  protocol("v4.base64.channel.k8s.io", 4),
  protocol("", 4),
];

/** Channels of a command. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** A message as it was understood. */
export type ChannelMessage = { readonly channel: number; readonly bytes: Buffer };

const digitZero = 0x30;

/** `undefined` for a message that names no channel. */
export function decodeMessage(
  { base64 }: ChannelProtocol,
  message: Buffer,
): ChannelMessage | undefined {
  const first = message[0];
  if (first === undefined) return undefined;
  const rest = message.subarray(1);
  if (!base64) return { channel: first, bytes: rest };
  if (first < digitZero || first > digitZero + 9) return undefined;
  return { channel: first - digitZero, bytes: Buffer.from(rest.toString("latin1"), "base64") };
}

/** What is sent: bytes in a binary message, a string in a text message. Channels are 0 to 9 for base64. */
export function encodeMessage(
  { base64 }: ChannelProtocol,
  { channel: number, bytes }: { readonly channel: number; readonly bytes: Uint8Array },
): Buffer | string {
  if (!base64) return Buffer.concat([Buffer.of(number), bytes]);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return `${number}${view.toString("base64")}`;
}

/**
 * The first that the client offers and we serve, as Kubernetes chooses; without any offer the nameless
 * one, if there is one.
 */
export function chooseProtocol(
  offered: readonly string[],
  served: readonly ChannelProtocol[],
): ChannelProtocol | undefined {
  const wanted = offered.length === 0 ? [""] : offered;
  return wanted
    .map((name) => served.find((one) => one.name === name))
    .find((one) => one !== undefined);
}
