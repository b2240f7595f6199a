import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import ssh2, { type Connection, type ServerChannel } from "ssh2";

/** A host with an SSH server in this process, whose `docker system dial-stdio` leads to an engine. */
export type SshHost = AsyncDisposable & {
  /** e.g. `ssh://ops@127.0.0.1:40123`. */
  readonly url: string;
  /** Its line for a known_hosts file. */
  readonly knownHosts: string;
  /** A private key that it lets in. */
  readonly privateKey: string;
  /** Commands that were run, in order. */
  readonly commands: readonly string[];
  /** Logins so far. */
  readonly logins: number;
  /** Cuts every connection that is open now. */
  cut(): void;
};

const user = "ops";
const dialStdio = "docker system dial-stdio";

function serve(channel: ServerChannel, socketPath: string | undefined): void {
  channel.on("error", () => undefined);
  if (socketPath === undefined) {
    channel.stderr.write("sh: docker: not found\n");
    channel.exit(127);
    channel.end();
    return;
  }
  const socket = connect(socketPath);
  socket.pipe(channel);
  channel.pipe(socket);
  socket.on("error", () => channel.close());
  socket.on("close", () => {
    channel.exit(0);
    channel.end();
  });
  channel.on("close", () => socket.destroy());
}

/** An ed25519 key pair; one of some hundreds that ssh2 makes it cannot read itself, as it drops a leading zero. */
export function sshKeyPair(): { readonly private: string; readonly public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    const read = [pair.public, pair.private].map((key) => ssh2.utils.parseKey(key));
    if (!read.some((key) => key instanceof Error)) return pair;
  }
}

/** Connects to where the client asks, as `AllowTcpForwarding yes` does. */
function forward(connection: Connection): void {
  connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
    const socket = connect({ host: destIP, port: destPort, allowHalfOpen: true });
    socket.once("error", () => reject());
    socket.once("connect", () => {
      socket.on("error", () => socket.destroy());
      const channel = accept();
      channel.on("error", () => socket.destroy());
      channel.on("close", () => socket.destroy());
      socket.pipe(channel).pipe(socket);
    });
  });
}

/** What such a host may differ in. */
export type SshHostOptions = {
  /** Whether it connects clients to elsewhere. Default true. */
  readonly forwards?: boolean;
};

/** Starts it on a free port; without `socketPath` it has no docker command. */
export async function startSshHost(
  socketPath?: string,
  { forwards = true }: SshHostOptions = {},
): Promise<SshHost> {
  const hostKey = sshKeyPair();
  const userKey = sshKeyPair();
  const allowed = ssh2.utils.parseKey(userKey.public);
  if (allowed instanceof Error) throw allowed;
  const commands: string[] = [];
  const open = new Set<Connection>();
  let logins = 0;
  const ssh = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    open.add(connection);
    connection.on("close", () => open.delete(connection));
    connection.on("error", () => undefined);
    connection.on("authentication", (login) => {
      const mayTry = login.method === "publickey" && login.username === user;
      if (!mayTry || !login.key.data.equals(allowed.getPublicSSH())) return login.reject();
      const { blob, signature } = login;
      const isProof = blob !== undefined && signature !== undefined;
      if (isProof && !allowed.verify(blob, signature, login.hashAlgo)) return login.reject();
      return login.accept();
    });
    connection.on("ready", () => {
      logins += 1;
      if (forwards) forward(connection);
      connection.on("session", (accept) => {
        accept().on("exec", (acceptExec, reject, { command }) => {
          commands.push(command);
          if (command === dialStdio) serve(acceptExec(), socketPath);
          else reject();
        });
      });
    });
  });
  // As sshd does, or each small packet waits for the one before.
  const server = createServer({ noDelay: true }, (socket) => ssh.injectSocket(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [type, blob] = hostKey.public.split(" ");
  return {
    url: `ssh://${user}@127.0.0.1:${port}`,
    knownHosts: `[127.0.0.1]:${port} ${type} ${blob}\n`,
    privateKey: userKey.private,
    commands,
    get logins() {
      return logins;
    },
    cut: () => {
      for (const connection of open) connection.end();
    },
    async [Symbol.asyncDispose]() {
      for (const connection of open) connection.end();
      server.close();
      await once(server, "close");
    },
  };
}
