import { alreadyClashing } from "./clash.ts";
import type { Containers } from "./engine.ts";
import type { Doing } from "./errors.ts";
import { toDetail, toSummary, type WireContainer, type WireSummary } from "./from-wire.ts";
import { changeCall, type Parts, readCall, type Target } from "./parts.ts";
import type { Call } from "./transport.ts";

/** A change that waits for its turn; its deadline starts when it is admitted. */
async function inTurn<T>(parts: Parts, call: Call): Promise<T | undefined> {
  const gate = await parts.work();
  return gate.enter(() => parts.transport.json<T>(call), call.signal);
}

const inspect =
  (parts: Parts): Containers["inspect"] =>
  async (id, signal) => {
    const call = readCall(parts, { id, action: "inspect", signal }, "json");
    const wire = await parts.transport.json<WireContainer>({ ...call, mayBeAbsent: true });
    return wire === undefined ? undefined : toDetail(wire);
  };

const list =
  ({ transport, deadlines }: Parts): Containers["list"] =>
  async (labels = {}, signal) => {
    const wanted = Object.entries(labels).map(([key, value]) =>
      value === "" ? key : `${key}=${value}`,
    );
    const filters = wanted.length === 0 ? undefined : JSON.stringify({ label: wanted });
    const doing: Doing = { action: "list containers", kind: "containers", name: "" };
    const rows = await transport.json<readonly WireSummary[]>({
      method: "GET",
      path: "/containers/json",
      query: { all: true, filters },
      doing,
      deadlineMs: deadlines.readMs,
      signal,
    });
    return (rows ?? []).map(toSummary);
  };

const create =
  (parts: Parts): Containers["create"] =>
  async (name, spec, signal) => {
    const call = changeCall(parts, { id: name, action: "create", signal }, "");
    const request = { ...call, path: "/containers/create", query: { name }, body: spec };
    try {
      const created = await inTurn<{ readonly Id: string }>(parts, request);
      return created?.Id ?? "";
    } catch (err) {
      throw await alreadyClashing(err, { action: "create", name }, inspect(parts));
    }
  };

const start =
  (parts: Parts): Containers["start"] =>
  async (id, signal) => {
    await inTurn(parts, changeCall(parts, { id, action: "start", signal }, "start"));
  };

const stop =
  (parts: Parts): Containers["stop"] =>
  async (id, graceSeconds, signal) => {
    const call = changeCall(parts, { id, action: "stop", signal }, "stop");
    const deadlineMs = call.deadlineMs + graceSeconds * 1000;
    const patient = { ...call, query: { t: graceSeconds }, deadlineMs, mayBeAbsent: true };
    await parts.stops.enter(() => parts.transport.json(patient), signal);
  };

const kill =
  (parts: Parts): Containers["kill"] =>
  async (id, signalName, signal) => {
    const call = changeCall(parts, { id, action: "kill", signal }, "kill");
    try {
      const query = { signal: signalName };
      await parts.transport.json({ ...call, query, mayBeAbsent: true });
    } catch (err) {
      // 409 also stands for "does not run", which is what a kill wants.
      const now = await inspect(parts)(id, signal);
      if (now !== undefined && now.state.pid !== 0) throw err;
    }
  };

const isBeingRemoved = (err: unknown): boolean =>
  err instanceof Error && /removal of container .* is already in progress/i.test(err.message);

const remove =
  (parts: Parts): Containers["remove"] =>
  async (id, options = {}, signal) => {
    const target: Target = { id, action: "remove", signal };
    const call = { ...changeCall(parts, target, ""), mayBeAbsent: true };
    const query = { v: true, force: options.force === true };
    try {
      await inTurn(parts, { ...call, method: "DELETE", query });
    } catch (err) {
      if (!isBeingRemoved(err)) throw err;
      // Somebody else removes it: that ends as we wish, so wait for it.
      const wait = { ...changeCall(parts, target, "wait"), mayBeAbsent: true };
      await parts.transport.json({ ...wait, query: { condition: "removed" } });
    }
  };

const rename =
  (parts: Parts): Containers["rename"] =>
  async (id, name, signal) => {
    const call = changeCall(parts, { id, action: "rename", signal }, "rename");
    try {
      await parts.transport.json({ ...call, query: { name } });
    } catch (err) {
      throw await alreadyClashing(err, { action: "rename", name }, inspect(parts));
    }
  };

/** The lifecycle verbs over HTTP. */
export function createContainers(parts: Parts): Containers {
  return {
    list: list(parts),
    inspect: inspect(parts),
    create: create(parts),
    start: start(parts),
    stop: stop(parts),
    kill: kill(parts),
    remove: remove(parts),
    rename: rename(parts),
  };
}
