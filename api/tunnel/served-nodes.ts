import type { NodeHandler } from "./node-link.ts";

/** The Nodes that an agent answers for now; what every tunnel of it announces. */
export interface ServedNodes {
  /** Puts a Node on offer until the returned function is called; a later offer of the same name wins. */
  serve(node: string, handler: NodeHandler): () => void;
  /** Who answers for it; `undefined` for every other name. */
  handler(node: string): NodeHandler | undefined;
  /** In alphabetical order. */
  names(): readonly string[];
  /** Tells of every change until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** Nobody is served yet. */
export function createServedNodes(): ServedNodes {
  const handlers = new Map<string, NodeHandler>();
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    serve(node, handler) {
      handlers.set(node, handler);
      tell();
      return () => {
        if (handlers.get(node) !== handler) return;
        handlers.delete(node);
        tell();
      };
    },
    handler: (node) => handlers.get(node),
    names: () => [...handlers.keys()].sort(),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
