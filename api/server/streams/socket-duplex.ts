import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { closeCode } from "./web-socket.ts";

/**
 * The binary messages of a WebSocket as one stream of bytes, with back-pressure both ways. Ending it
 * closes with 1000.
 */
export function socketDuplex(socket: WebSocket): Duplex {
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => socket.send(chunk, { binary: true }, done),
    writev: (chunks, done) => {
      const whole = Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer));
      socket.send(whole, { binary: true }, done);
    },
    final(done) {
      socket.close(closeCode.normal);
      done();
    },
    destroy(err, done) {
      if (socket.readyState !== socket.CLOSED) socket.terminate();
      done(err);
    },
  });
  socket.on("message", (data: Buffer) => {
    if (!duplex.readableEnded && !duplex.push(data)) socket.pause();
  });
  socket.once("close", () => {
    if (!duplex.destroyed) duplex.push(null); // what was received may still be read
  });
  return duplex;
}
