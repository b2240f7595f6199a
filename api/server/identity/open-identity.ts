import { availableParallelism } from "node:os";
import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../../machinery/clock.ts";
import type { Authenticator } from "../access.ts";
import { sessionAuthenticator } from "../authn/session.ts";
import type { App } from "../http.ts";
import type { Kinds } from "../kinds/kind.ts";
import type { Endpoint } from "../objects/routes.ts";
import type { Storage } from "../objects/storage.ts";
import type { Argon2Cost } from "./argon2.ts";
import { serveAuth } from "./auth-routes.ts";
import { hashQueue } from "./hash-queue.ts";
import { openLogins } from "./login.ts";
import { passwordEndpoint } from "./password-endpoint.ts";
import { openPasswords } from "./passwords.ts";
import { openSessions } from "./sessions.ts";
import { openSetupLink, type SetupFile } from "./setup-link.ts";
import { serveSetup } from "./setup-routes.ts";
import { tendUsers } from "./tend-users.ts";
import { openThrottle } from "./throttle.ts";
import type { Users } from "./users.ts";

/** People: how they come in, stay in and are put out. */
export type Identity = {
  readonly authenticators: readonly Authenticator[];
  /** `/auth/…`, for everybody. */
  readonly addPublic: (app: App) => void;
  /** Endpoints of subresources. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** The link for the first User, see `SetupLink.offer`. */
  readonly offerSetup: (file: SetupFile) => Promise<string | undefined>;
  /** Tidies up until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
};

/** What identity is made of. */
export type IdentityOptions = {
  readonly storage: Storage;
  readonly kinds: Kinds;
  readonly users: Users;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  /** What new hashes cost. Default: what the product asks for. */
  readonly cost?: Argon2Cost;
};

/**
 * A core is left for requests, and half of the four threads that files, names and LMDB are served by. No more
 * hashes wait than are done in some seconds.
 */
const queueOptions = {
  width: Math.min(2, Math.max(1, availableParallelism() - 1)),
  maxWaiting: 200,
};

/** Knows Users by their sessions from now on; nothing else goes on before `run`. */
export function openIdentity(options: IdentityOptions): Identity {
  const { storage, kinds, users, clock, log, cost } = options;
  const onError = (err: unknown, what: string): void => log.error({ err, what }, "cannot go on");
  const onEvent = (what: string, about: Readonly<Record<string, string>>): void =>
    log.info(about, what);
  const queue = hashQueue(queueOptions);
  const hashing = { storage, clock, queue, ...(cost === undefined ? {} : { cost }) };
  const passwords = openPasswords(hashing);
  const sessions = openSessions({ storage, clock, onError });
  const throttle = openThrottle({ clock });
  const strangers = openThrottle({ clock });
  const logins = openLogins({ users, passwords, sessions, throttle, strangers });
  const link = openSetupLink({ storage, clock });
  return {
    authenticators: [sessionAuthenticator(sessions)],
    addPublic(app) {
      serveAuth(app, { logins, sessions, onEvent });
      serveSetup(app, { link, logins, storage, kinds, clock, passwords, onEvent });
    },
    endpoints: new Map([["users/password", passwordEndpoint({ logins, passwords, sessions })]]),
    offerSetup: (file) => link.offer(file),
    run: (signal) => tendUsers({ storage, clock, sessions, onError }, signal),
  };
}
