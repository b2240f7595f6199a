import ssh2, { type Client, type ClientChannel, type ServerHostKeyAlgorithm } from "ssh2";
import { StatusError } from "../../../api/machinery/errors.ts";
import { ChannelSocket } from "./channel-socket.ts";
import { judgeKey, type KeyVerdict, knownAlgorithms } from "./known-hosts.ts";

/** A host that is reached by SSH. */
export type SshTarget = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** PEM or OpenSSH form; absent: keys of the agent at `SSH_AUTH_SOCK`. */
  readonly privateKey?: string;
  /** Lines of a known_hosts file. */
  readonly knownHosts: string;
};

/** Connections to one host, on which commands run side by side. */
export interface SshLines {
  /** Runs a command, which must be a constant of ours; its input and output are the stream. */
  run(command: string): Promise<ChannelSocket>;
  /** Connects to an address as the host sees it. @throws StatusError `Forbidden` when its sshd does not
   * forward connections; Error with its words */
  forward(to: { readonly host: string; readonly port: number }): Promise<ChannelSocket>;
  close(): void;
}

/** sshd allows ten sessions per connection (MaxSessions); some must be left for our own errors. */
const channelsPerLine = 8;
const readyMs = 15_000;
const aliveMs = 15_000;

/** One connection and how many commands run on it. */
type Line = { readonly client: Client; channels: number };

const verdicts: Readonly<Record<Exclude<KeyVerdict, "known">, string>> = {
  unknown: "its host key is not in known_hosts; add it there once you have compared it",
  changed: "its host key is another one than in known_hosts: somebody may listen in",
  revoked: "its host key is marked as revoked in known_hosts",
};

function refusedLogin(err: Error, { user, privateKey }: SshTarget): Error {
  if (!("level" in err) || err.level !== "client-authentication") return err;
  const keys = privateKey === undefined ? "the keys of the SSH agent" : "the private key";
  return new Error(`ssh login as ${user} was refused: it does not take ${keys}`, { cause: err });
}

/** RFC 4254, 5.1: why a channel was not opened. */
const prohibited = 1;
const connectFailed = 2;

function refusedForward(err: unknown): unknown {
  const reason = err instanceof Error && "reason" in err ? err.reason : undefined;
  if (reason === prohibited)
    return new StatusError("Forbidden", "sshd of the host does not forward connections", {
      cause: err,
    });
  return reason === connectFailed ? new Error("nothing listens on it", { cause: err }) : err;
}

class Lines implements SshLines {
  readonly #target: SshTarget;
  readonly #lines = new Set<Line>();
  /** One login at a time: sshd drops those that come in a crowd (MaxStartups). */
  #connecting: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(target: SshTarget) {
    this.#target = target;
  }

  run(command: string): Promise<ChannelSocket> {
    return this.#open(command, (client, done) => client.exec(command, done));
  }

  async forward({ host, port }: Parameters<SshLines["forward"]>[0]): Promise<ChannelSocket> {
    try {
      return await this.#open(undefined, (client, done) =>
        client.forwardOut("127.0.0.1", 0, host, port, done),
      );
    } catch (err) {
      throw refusedForward(err);
    }
  }

  async #open(
    command: string | undefined,
    ask: (client: Client, done: (err: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ChannelSocket> {
    const line = await this.#line();
    try {
      return await new Promise<ChannelSocket>((resolve, reject) => {
        ask(line.client, (err, channel) => {
          if (err) return reject(err);
          channel.once("close", () => this.#release(line));
          return resolve(new ChannelSocket(channel, command));
        });
      });
    } catch (err) {
      this.#release(line);
      throw err;
    }
  }

  #free(): Line | undefined {
    return [...this.#lines].find(({ channels }) => channels < channelsPerLine);
  }

  /** A connection with a free place, which is taken. */
  #line(): Promise<Line> {
    const take = async (): Promise<Line> => {
      const line = this.#free() ?? (await this.#connect());
      line.channels += 1;
      return line;
    };
    const taken = this.#connecting.then(take, take);
    this.#connecting = taken;
    return taken;
  }

  #release(line: Line): void {
    line.channels -= 1;
    const isSpare = line.channels === 0 && this.#lines.size > 1;
    if (!isSpare) return;
    this.#lines.delete(line);
    line.client.end();
  }

  #connect(): Promise<Line> {
    const { host, port, user, privateKey, knownHosts } = this.#target;
    const agent = process.env["SSH_AUTH_SOCK"];
    const algorithms = knownAlgorithms(knownHosts, { host, port });
    if (this.#isClosed) return Promise.reject(new Error("the connection was closed by us"));
    if (algorithms.length === 0) return Promise.reject(new Error(verdicts.unknown));
    const client = new ssh2.Client();
    const line: Line = { client, channels: 0 };
    let verdict: KeyVerdict = "known";
    return new Promise((resolve, reject) => {
      client.on("error", (err: Error) => {
        this.#lines.delete(line);
        reject(
          verdict === "known" ? refusedLogin(err, this.#target) : new Error(verdicts[verdict]),
        );
      });
      client.on("close", () => {
        this.#lines.delete(line);
        reject(new Error("ssh closed the connection"));
      });
      client.on("ready", () => {
        this.#lines.add(line);
        resolve(line);
      });
      client.connect({
        host,
        port,
        username: user,
        ...(privateKey === undefined ? {} : { privateKey }),
        ...(privateKey !== undefined || agent === undefined ? {} : { agent }),
        algorithms: { serverHostKey: algorithms as ServerHostKeyAlgorithm[] },
        hostVerifier: (key: Buffer) => {
          verdict = judgeKey(knownHosts, { host, port }, key);
          return verdict === "known";
        },
        readyTimeout: readyMs,
        keepaliveInterval: aliveMs,
        keepaliveCountMax: 3,
      });
      client.setNoDelay(true); // calls are many small packets
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { client } of this.#lines) client.end();
  }
}

/** Connections to a host; the first is made when it is needed. */
export function createSshLines(target: SshTarget): SshLines {
  return new Lines(target);
}
