/** An event as `GET /events` sends it. */
export type WireEvent = {
  readonly Type: "container" | "image";
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly status: string;
  readonly id: string;
  readonly scope: "local";
  readonly time: number;
  readonly timeNano: number;
};

/** Tells changes to everybody who listens now. */
export type EventHub = {
  emit(
    type: WireEvent["Type"],
    action: string,
    actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> },
  ): void;
  /** Calls back for each event from now on, until the returned function is called. */
  listen(listener: (event: WireEvent) => void): () => void;
};

/** A hub without listeners. `now` is milliseconds since the Unix epoch. */
export function createEventHub(now: () => number): EventHub {
  const listeners = new Set<(event: WireEvent) => void>();
  return {
    emit: (type, action, { id, attributes }) => {
      const nowMs = now();
      const event: WireEvent = {
        Type: type,
        Action: action,
        Actor: { ID: id, Attributes: attributes },
        status: action,
        id,
        scope: "local",
        time: Math.floor(nowMs / 1000),
        timeNano: nowMs * 1_000_000,
      };
      for (const listener of listeners) listener(event);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
