import { handleWhen, noop, retry } from "cockatiel";
import {
  Etcd3,
  type IOptions,
  type IRangeRequest,
  type IRangeResponse,
  type ITxnRequest,
  type ITxnResponse,
  type IWatchRequest,
  type IWatchResponse,
} from "etcd3";
import { isStaleToken, isUnsent } from "./etcd-errors.ts";
import { type EtcdCredentials, isSameTls, readEtcdTls } from "./etcd-tls.ts";
import type { EtcdAddress, EtcdTls } from "./store-url.ts";

/** How long one call may take before it counts as failed. Integer, milliseconds. */
export const callTimeoutMs = 5_000;

/** The raw watch stream: requests in, responses out. */
export type WatchStream = {
  write(request: IWatchRequest): unknown;
  end(): unknown;
  cancel(): void;
  /** Responses, read no faster than they are taken. Leaving the loop does not end the stream. */
  iterator(options: { destroyOnReturn: false }): AsyncIterable<IWatchResponse>;
};

/** A session with an etcd cluster. Errors are etcd's own: see `etcd-errors.ts`. */
export interface EtcdClient {
  /** The endpoints, for messages. */
  readonly hosts: string;
  range(request: IRangeRequest): Promise<IRangeResponse>;
  txn(request: ITxnRequest): Promise<ITxnResponse>;
  compact(revision: number): Promise<void>;
  watch(): Promise<WatchStream>;
  /** Makes sure that the token is good: a stream that is refused for its token does not say so. */
  renew(): Promise<void>;
  close(): void;
}

// etcd refuses pings more often than every 5 s. A frozen member is noticed after 15 s at most.
const channel = {
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // A catch-up of a watch or a large range exceeds gRPC's default of 4 MiB.
  "grpc.max_receive_message_length": -1,
};

/** Certificates are short-lived: files are looked at again so often, in milliseconds. */
const defaultReloadMs = 10_000;

/** Looks at the files again and again; a new content that cannot be used is told of once, and left. */
function followTls(
  files: EtcdTls,
  first: EtcdCredentials,
  { reloadMs, onChange }: { reloadMs: number; onChange: (next: EtcdCredentials) => void },
): NodeJS.Timeout {
  let [current, told] = [first, ""];
  const look = async (): Promise<void> => {
    try {
      const next = await readEtcdTls(files, Date.now());
      told = "";
      if (isSameTls(next, current)) return;
      current = next;
      onChange(next);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      if (why !== told) process.emitWarning(`${why}; the former files stay in use`);
      told = why;
    }
  };
  return setInterval(() => void look(), reloadMs).unref(); // it never rejects
}

/**
 * Prepares a session; the first call connects. Files that change are taken up by new connections.
 * @throws StatusError if a TLS file is unreadable or wrong
 */
export async function connectEtcd(
  address: EtcdAddress,
  reloadMs = defaultReloadMs,
): Promise<EtcdClient> {
  const files = address.tls;
  const first = files === undefined ? undefined : await readEtcdTls(files, Date.now());
  let options = optionsOf(address, first);
  let etcd = new Etcd3(options);
  const onChange = (next: EtcdCredentials): void => {
    const used = etcd;
    options = optionsOf(address, next);
    etcd = new Etcd3(options);
    // What is under way may end; watches go on over the new session.
    setTimeout(() => used.close(), callTimeoutMs).unref();
  };
  const following =
    files === undefined || first === undefined
      ? undefined
      : followTls(files, first, { reloadMs, onChange });
  /** A token that etcd no longer accepts stays in the client for ever: only a new one helps. */
  const call = async <T>(run: (client: Etcd3) => Promise<T>): Promise<T> => {
    const used = etcd;
    try {
      return await run(used);
    } catch (err) {
      if (address.user === undefined || !isStaleToken(err)) throw err;
      if (etcd === used) {
        etcd = new Etcd3(options);
        used.close();
      }
      return run(etcd);
    }
  };
  return {
    hosts: address.hosts.join(","),
    range: (request) => call((client) => client.kv.range(request)),
    txn: (request) => call((client) => client.kv.txn(request)),
    async compact(revision) {
      await call((client) => client.kv.compact({ revision }));
    },
    async watch() {
      // The stream is a Node stream of grpc-js, of which etcd3 declares only a part.
      return (await call((client) => client.watchClient.watch())) as unknown as WatchStream;
    },
    async renew() {
      if (address.user === undefined) return;
      // Only the token matters: etcd looks at it before it looks at the permission.
      await call((client) => client.kv.range({ key: Buffer.of(0) })).catch(() => undefined);
    },
    close() {
      clearInterval(following);
      etcd.close();
    },
  };
}

function optionsOf({ hosts, user }: EtcdAddress, tls: EtcdCredentials | undefined): IOptions {
  const scheme = tls === undefined ? "http" : "https";
  return {
    hosts: hosts.map((host) => `${scheme}://${host}`),
    grpcOptions: channel,
    defaultCallOptions: ({ isStream }) =>
      isStream ? {} : { deadline: Date.now() + callTimeoutMs },
    faultHandling: {
      // etcd3's own retry would repeat a compare-and-set that was carried out (ADR 0002): only
      // a call that never left this machine may go to the next member.
      host: () => noop,
      global:
        hosts.length > 1 ? retry(handleWhen(isUnsent), { maxAttempts: hosts.length - 1 }) : noop,
    },
    ...(user && { auth: { username: user.name, password: user.password } }),
    ...(tls && { credentials: tls }),
  };
}
