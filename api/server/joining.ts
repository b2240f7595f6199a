import type { EventEmitter } from "node:events";
import type { FastifyBaseLogger } from "fastify";
import { rootsHeader, rootsMark } from "../machinery/authority.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Authenticator } from "./access.ts";
import { beaconAuthenticator } from "./authn/beacon-authenticator.ts";
import { openBeaconGuard } from "./authn/beacon-guard.ts";
import { bootstrapAuthenticator } from "./authn/bootstrap-token.ts";
import { cleanRequests } from "./certificates/clean-requests.ts";
import type { Judgement } from "./certificates/judge-request.ts";
import { tendRequests } from "./certificates/tend-requests.ts";
import type { App } from "./http.ts";
import type { LivePki } from "./live-pki.ts";
import type { Storage } from "./objects/storage.ts";
import type { KeyPair } from "./pki/issue.ts";

/** Where everybody finds the certificate of our authority, to compare it with the pin of a token. */
export const authorityPath = "/.well-known/lighthouse/ca.crt";

/** How agents come in, stay in and are put out. */
export type Joining = {
  /** To be asked before all others. */
  readonly authenticators: readonly Authenticator[];
  readonly addPublic: (app: App) => void;
  /** Ends connections of agents that are put out, for as long as the listener is there. */
  readonly watch: (listener: EventEmitter) => void;
  /** Decides about certificate requests, and tidies up, until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
};

/** What joining is made of. */
export type JoiningOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly pki: Pick<LivePki, "current">;
  readonly log: FastifyBaseLogger;
};

/** Knows agents by their tokens and certificates from now on; nothing else goes on before `run`. */
export function openJoining({ storage, clock, pki, log }: JoiningOptions): Joining {
  const guard = openBeaconGuard({ cache: storage.cache, clock });
  const onError = (err: unknown): void => log.error({ err }, "cannot tend certificate requests");
  const trust = (): readonly string[] => [pki.current().authority, ...pki.current().retired];
  const onJudged = (request: string, { does, why }: Judgement): void =>
    log.info({ request, does, why }, "judged a certificate request");
  const onRefused = (token: string, why: string): void =>
    log.warn({ token, why }, "refused a bootstrap token");
  return {
    authenticators: [
      beaconAuthenticator({ guard, trust }),
      bootstrapAuthenticator({ storage, clock, onRefused }),
    ],
    addPublic(app) {
      let bundle = { authority: "", mark: "" };
      app.addHook("onRequest", (_request, { raw }, done) => {
        const { authority } = pki.current();
        if (bundle.authority !== authority) bundle = { authority, mark: rootsMark(authority) };
        raw.setHeader(rootsHeader, bundle.mark);
        done();
      });
      app.get(authorityPath, async (_request, reply) =>
        reply
          // Hosts whose clock is wrong learn it before they wonder about certificates.
          .header("date", new Date(clock.nowMs()).toUTCString())
          .type("application/x-pem-file")
          .send(pki.current().authority),
      );
    },
    watch: (listener) => guard.watch(listener),
    run(signal) {
      const issuer = (): KeyPair => pki.current().issuer;
      tendRequests({ storage, clock, issuer, onError, onJudged }, signal);
      return cleanRequests({ storage, clock, onError }, signal);
    },
  };
}
