import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import type { TlsAccess } from "../bench/tunnel-world.ts";

const pathOf = (pod: string): string =>
  `/api/v1/namespaces/default/pods/${pod}/log?follow=true&tailLines=1`;

/** Follows a log on a connection of its own and vanishes: after the first byte, or after so many milliseconds. */
export function vanishingLog(
  { host, port, ca, cert, key }: TlsAccess,
  pod: string,
  afterMs: number | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, ca, cert, key });
    let answer = "";
    const vanish = (): void => {
      socket.destroy();
      resolve();
    };
    socket.once("error", reject);
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (!/^HTTP\/1.1 200/.test(answer)) {
        socket.destroy();
        reject(new Error(answer.slice(0, 200)));
      } else if (afterMs === undefined && answer.includes("line")) vanish();
    });
    socket.once("secureConnect", () => {
      socket.write(`GET ${pathOf(pod)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      if (afterMs !== undefined) void sleep(afterMs).then(vanish); // never rejects
    });
  });
}

/** Connections that carry many followed logs. */
export interface LogSessions extends Disposable {
  /** The one for the next log. */
  next(): ClientHttp2Session;
}

/** A server takes one that cancels more, and faster, for an attack (CVE-2023-44487). */
const logsPerSession = 100;

/** Opens connections as they are needed. */
export function openLogSessions({ host, port, ca, cert, key }: TlsAccess): LogSessions {
  const sessions: ClientHttp2Session[] = [];
  let used = 0;
  return {
    next() {
      const last = sessions.at(-1);
      used += 1;
      if (last !== undefined && used % logsPerSession !== 0) return last;
      const session = connectHttp2(`https://${host}:${port}`, { ca, cert, key });
      session.on("error", () => undefined); // each stream tells
      sessions.push(session);
      return session;
    },
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** Follows a log and cancels: after its first byte, or after so many milliseconds. */
export function cancelledLog(
  session: ClientHttp2Session,
  pod: string,
  afterMs: number | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": pathOf(pod) });
    stream.once("error", reject);
    stream.once("close", () => resolve());
    stream.once("response", ({ ":status": code }) => {
      if (code === 200) return;
      reject(new Error(`refused with ${code}`));
      stream.close();
    });
    stream.once("data", () => {
      if (afterMs === undefined) stream.close();
    });
    if (afterMs !== undefined) void sleep(afterMs).then(() => stream.close()); // never rejects
  });
}
