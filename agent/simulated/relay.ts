import { once } from "node:events";
import { connect } from "node:net";
import { nothingListens } from "../far/connect-scripts.ts";
import type { Program } from "./process.ts";

/** What the script of an agent's relay does, see agent/far/connect-scripts.ts: `relay MODE HOST PORT`. */
export const relay: Program = async ({ argv, stdin, write, killed }) => {
  const [, mode, host = "", port] = argv;
  const socket = connect({ host, port: Number(port), allowHalfOpen: true, signal: killed });
  try {
    await once(socket, "connect");
    write("stderr", "+\n");
    if (mode === "touch") return 0;
    stdin.pipe(socket);
    for await (const chunk of socket) write("stdout", chunk as Buffer);
    return 0;
  } catch {
    write("stderr", `${nothingListens}\n`);
    return 1;
  } finally {
    socket.destroy();
  }
};
