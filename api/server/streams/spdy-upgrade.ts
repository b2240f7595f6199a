import type { Duplex } from "node:stream";
import { badRequest } from "../../machinery/errors.ts";
import type { Reply, Request } from "../http.ts";
import { offeredProtocols } from "./token-protocol.ts";
import { noCommonProtocol, takeOver, type TakenOver, type Upgrade } from "./upgrade.ts";

const header = "x-stream-protocol-version";

/**
 * The first stream protocol that the client offers and we serve.
 * @throws StatusError `BadRequest` without an offer, `Forbidden` when there is nothing in common
 */
export function chooseStreamProtocol(
  { raw }: Pick<Request, "raw">,
  served: readonly string[],
): string {
  // HTTP/1.1 joins repeated headers with a comma.
  const offered = offeredProtocols([raw.headers[header] ?? ""].flat().join(","));
  if (offered.length === 0)
    throw badRequest("unable to upgrade: X-Stream-Protocol-Version is required");
  const chosen = offered.find((name) => served.includes(name));
  if (chosen === undefined) throw noCommonProtocol(offered, served);
  return chosen;
}

/** Answers 101; from now on both sides speak SPDY on the socket. */
export function switchToSpdy(
  reply: Reply,
  upgrade: Upgrade,
  protocol: string,
): { readonly transport: Duplex; readonly taken: TakenOver } {
  const taken = takeOver(reply, upgrade);
  const { socket, head } = upgrade;
  if (head.length > 0) socket.unshift(head);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: SPDY/3.1",
    `X-Stream-Protocol-Version: ${protocol}`,
    ...taken.headers,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return { transport: socket, taken };
}
