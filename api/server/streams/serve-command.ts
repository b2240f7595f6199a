import type { ReadyProcess } from "../pods/pod-streams.ts";
import type { Reply, Request } from "../http.ts";
import { channelCommand } from "./channel-command.ts";
import { chooseProtocol, commandProtocols } from "./channels.ts";
import type { CommandClient, CommandRequest } from "./command-client.ts";
import { idleTimer, streamIdleMs } from "./idle-timer.ts";
import { runCommand } from "./run-command.ts";
import { commandStreamProtocols, spdyCommand } from "./spdy-command.ts";
import { chooseStreamProtocol, switchToSpdy } from "./spdy-upgrade.ts";
import { noCommonProtocol, requiredUpgrade, type TakenOver, type Upgrade } from "./upgrade.ts";
import { offersOf, openWebSocket } from "./web-socket.ts";

/** The request and reply of one streaming call. */
export type Io = { readonly request: Request; readonly reply: Reply };

/** A client whose protocol is agreed on; nothing was answered yet. */
export interface AgreedCommand {
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal;
  /** Answers 101 and joins the client and the process; resolves when both are done. */
  run(process: ReadyProcess, attached: boolean): Promise<void>;
}

type Connected = { readonly client: CommandClient; readonly taken: TakenOver };

function overWebSocket(io: Io, upgrade: Upgrade, wanted: CommandRequest): () => Connected {
  const offered = offersOf(io.request);
  const protocol = chooseProtocol(offered, commandProtocols);
  if (protocol === undefined) {
    throw noCommonProtocol(
      offered,
      commandProtocols.map(({ name }) => name).filter((name) => name !== ""),
    );
  }
  return () => {
    const { socket, taken } = openWebSocket(io, upgrade, protocol.name);
    return { client: channelCommand(socket, protocol, wanted), taken };
  };
}

function overSpdy(
  io: Io,
  upgrade: Upgrade,
  wanted: CommandRequest,
): () => Promise<Connected | undefined> {
  const protocol = chooseStreamProtocol(io.request, commandStreamProtocols);
  return async () => {
    const { transport, taken } = switchToSpdy(io.reply, upgrade, protocol);
    try {
      return { client: await spdyCommand(transport, protocol, wanted), taken };
    } catch {
      taken.done();
      return undefined; // it did not open its streams, and was hung up on
    }
  };
}

/**
 * Agrees with a client of exec or attach on how to talk.
 * @throws StatusError `BadRequest` for a request without an upgrade, `Forbidden` without a common protocol
 */
export function agreeOnCommand(io: Io, wanted: CommandRequest): AgreedCommand {
  const upgrade = requiredUpgrade(io.request);
  const agree = upgrade.kind === "websocket" ? overWebSocket : overSpdy;
  const connect = agree(io, upgrade, wanted);
  const gone = new AbortController();
  upgrade.socket.once("close", () => gone.abort());
  return {
    gone: gone.signal,
    async run(ready, attached) {
      const connected = await connect();
      if (connected === undefined) return;
      const { client, taken } = connected;
      const idle = idleTimer(streamIdleMs);
      await runCommand({ client, ready, attached, idle }, io.request.ending());
      taken.done();
    },
  };
}
