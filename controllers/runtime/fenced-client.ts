import type { Client } from "../../api/client/client.ts";
import { isLeadershipLost } from "../../api/machinery/errors.ts";

/** A term of leadership, as its writes name it. */
export type Term = {
  /** `NAMESPACE/LEASE/HOLDER/TRANSITIONS`, URL-encoded. */
  readonly fence: string;
  /** Ends the term: the server has seen another leader. */
  lose(why: string): void;
};

/** A client whose writes count only as long as its process leads. */
export type FencedClient = {
  readonly client: Client;
  /** From now on writes are made in this term. Those of the term before must have ended. */
  enter(term: Term): void;
};

/**
 * Puts the fence of the current term on every write of `client`. The server refuses those of a
 * former leader, however late they arrive: a process that was stopped for longer than its lease
 * cannot know that it has lost it. Such a refusal ends the term. Reads are as they were.
 */
export function fencedClient(client: Client): FencedClient {
  let current: Term | undefined;
  const fenced = async <T>(
    write: (fence: { readonly fence?: string }) => Promise<T>,
  ): Promise<T> => {
    const term = current;
    try {
      return await write(term === undefined ? {} : { fence: term.fence });
    } catch (err) {
      if (isLeadershipLost(err)) term?.lose("the server knows another leader");
      throw err;
    }
  };
  return {
    enter: (term) => {
      current = term;
    },
    client: {
      get: (type, key, signal) => client.get(type, key, signal),
      list: (type, options, signal) => client.list(type, options, signal),
      watch: (type, options, signal) => client.watch(type, options, signal),
      raw: (request, signal) => client.raw(request, signal),
      create: (type, object, options) =>
        fenced((fence) => client.create(type, object, { ...options, ...fence })),
      replace: (type, object, options) =>
        fenced((fence) => client.replace(type, object, { ...options, ...fence })),
      patch: (type, key, patch, options) =>
        fenced((fence) => client.patch(type, key, patch, { ...options, ...fence })),
      delete: (type, key, options) =>
        fenced((fence) => client.delete(type, key, { ...options, ...fence })),
    },
  };
}
