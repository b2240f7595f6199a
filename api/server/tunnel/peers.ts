import type { Clock } from "../../machinery/clock.ts";
import { forbidden, unavailable } from "../../machinery/errors.ts";
import { serveTunnel } from "../../tunnel/agent-end.ts";
import { dialTunnel } from "../../tunnel/dial.ts";
import { type HubEnd, openHubEnd } from "../../tunnel/hub-end.ts";
import type { NodeHandler } from "../../tunnel/node-link.ts";
import type { ServedNodes } from "../../tunnel/served-nodes.ts";
import { peerPath, peersGroup, peerUser } from "../authz/bootstrap-peers.ts";
import type { App } from "../http.ts";
import type { Pki } from "../pki.ts";
import { issueCertificate } from "../pki/issue.ts";
import { OpenStreams } from "../streams/open-streams.ts";
import { agreeOnTunnel } from "./switch-protocol.ts";

/** What calling other servers, and being called by them, needs. */
export type PeerOptions = {
  readonly clock: Clock;
  /** The authority that all servers of one store share, as it is now. */
  readonly trust: () => Pick<Pki, "issuer" | "authority">;
  /** Who answers for a Node whose tunnel is open here; `undefined` else. */
  readonly local: (node: string) => NodeHandler | undefined;
  readonly onError: (err: unknown, what: string) => void;
};

/** The other API servers of the same store. */
export interface Peers {
  /** Asks the server at a URL to call a Node whose tunnel it holds; it never asks a third one. */
  handler(server: string, node: string): NodeHandler;
  /** Lets other servers call Nodes whose tunnels are open here. */
  serve(app: App): void;
  /** Ends all connections; calls in progress get a few seconds. */
  drain(): Promise<void>;
}

type Ends = { close(why: string): Promise<void> };

class PeerLinks implements Peers {
  readonly #options: PeerOptions;
  readonly #links = new Map<string, Promise<HubEnd>>();
  readonly #open = new Set<Ends>();
  readonly #stopped = new AbortController();

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  handler(server: string, node: string): NodeHandler {
    return async (call, signal) => (await this.#link(server)).handler(node)(call, signal);
  }

  /** One connection per server, shared by all calls. */
  #link(server: string): Promise<HubEnd> {
    const known = this.#links.get(server);
    if (known !== undefined) return known;
    const link = this.#dial(server);
    this.#links.set(server, link);
    const forget = (): void => {
      if (this.#links.get(server) === link) this.#links.delete(server);
    };
    link.then(({ lost }) => lost.then(forget), forget);
    return link;
  }

  async #dial(server: string): Promise<HubEnd> {
    const { clock, trust } = this.#options;
    const { issuer, authority } = trust();
    const identity = { user: peerUser, groups: [peersGroup] };
    const wanted = { identity, usage: "client", names: [], nowMs: clock.nowMs() } as const;
    const what = `the connection to the API server that holds the tunnel`;
    const target = {
      server,
      path: peerPath,
      what,
      roots: () => authority,
      credentials: async () => {
        const { certificate, key } = await issueCertificate(issuer, wanted);
        return { clientCert: certificate, clientKey: key };
      },
    };
    const { socket } = await dialTunnel(target, this.#stopped.signal);
    const hub = await openHubEnd(socket, { what: `${what} at ${server}`, clock });
    const end = { close: (why: string) => hub.close(why, drainMs) };
    this.#open.add(end);
    void hub.closed.then(() => this.#open.delete(end)); // never rejects
    return hub;
  }

  serve(app: App): void {
    const { clock, onError } = this.#options;
    const open = new OpenStreams({ perUser: 1_000, all: 1_000 });
    const nodes = this.#served();
    app.get(peerPath, async (request, reply) => {
      if (!request.user.groups.includes(peersGroup))
        throw forbidden({ group: "", plural: "nodes" }, "", "only API servers may relay calls");
      const { socket, taken } = await agreeOnTunnel(
        { request, reply },
        open,
        "the server",
      ).connect();
      const agent = serveTunnel(socket, { nodes, clock, onError });
      const end = { close: () => agent.close(drainMs) };
      this.#open.add(end);
      await agent.closed;
      this.#open.delete(end);
      taken.done();
    });
  }

  /** Every Node whose tunnel is open here, whatever it is called: nothing needs to be announced. */
  #served(): ServedNodes {
    return {
      serve: () => () => undefined,
      handler: (node) => this.#options.local(node) ?? (() => Promise.reject(moved(node))),
      names: () => [],
      onChange: () => () => undefined,
    };
  }

  async drain(): Promise<void> {
    this.#stopped.abort(unavailable("The API server stops"));
    await Promise.all([...this.#open].map((end) => end.close("the server stops")));
  }
}

/** What goes on through a server that stops may take so long, in milliseconds. */
const drainMs = 5_000;

function moved(node: string): Error {
  return unavailable(
    `Cannot reach node "${node}": the API server that held its tunnel does not any more`,
  );
}

/** Nothing is dialled before the first call. */
export function createPeers(options: PeerOptions): Peers {
  return new PeerLinks(options);
}
