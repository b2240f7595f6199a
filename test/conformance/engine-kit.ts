import { expect, onTestFinished } from "vitest";
import type { ContainerSpec } from "../../agent/engine/container-spec.ts";
import { type EngineOptions, openEngine } from "../../agent/engine/dockerode.ts";
import type {
  ContainerDetail,
  Engine,
  EngineEvent,
  Output,
  Session,
} from "../../agent/engine/engine.ts";
import type { NetworkSpec } from "../../agent/engine/network-types.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";

/** A running Docker host with the images of `test/kit/images.ts`; one for the whole suite. */
export type EngineHarness = AsyncDisposable & {
  readonly url: string;
  /** What is needed to reach it beside the URL. */
  readonly options?: EngineOptions;
  /** Ends the engine; containers and images stay on its disk. */
  stop(): Promise<void>;
  /** Starts it again at the same address. */
  start(): Promise<void>;
};

/** What each case begins with. Every container it makes is removed when the test ends. */
export type Bench = {
  readonly engine: Engine;
  /** Creates a container of {@link testImages} under a name of its own. */
  create(spec?: Partial<ContainerSpec>, name?: string): Promise<string>;
  /** The same, started. */
  run(spec?: Partial<ContainerSpec>, name?: string): Promise<string>;
  /** Makes a network, which is removed when the test ends. */
  network(spec: NetworkSpec): Promise<string>;
  /** Follows events until the test ends; resolves once the stream is live. */
  follow(): Promise<readonly EngineEvent[]>;
};

let count = 0;

/** A name that no other container has. */
export function freshName(): string {
  count += 1;
  return `conformance-${process.pid}-${count}`;
}

/** Makes the bench of the running test. */
export type Start = () => Bench;

/** Makes the `start` that every case begins with. */
export function starter(harness: () => EngineHarness): Start {
  return () => {
    const engine = openEngine(harness().url, harness().options);
    const abort = new AbortController();
    const made: string[] = [];
    const networks: string[] = [];
    onTestFinished(async () => {
      abort.abort();
      await Promise.all(made.map((id) => engine.containers.remove(id, { force: true })));
      await Promise.all(networks.map((id) => engine.networks.remove(id)));
      await engine[Symbol.asyncDispose]();
    });
    const create = async (spec: Partial<ContainerSpec> = {}, name = freshName()) => {
      const id = await engine.containers.create(name, { Image: testImages.silent, ...spec });
      made.push(id);
      return id;
    };
    return {
      engine,
      create,
      async run(spec, name) {
        const id = await create(spec, name);
        await engine.containers.start(id);
        return id;
      },
      async network(spec) {
        const id = await engine.networks.create(spec);
        networks.push(id);
        return id;
      },
      async follow() {
        const seen: EngineEvent[] = [];
        const reading = async (): Promise<void> => {
          for await (const event of engine.events(abort.signal)) seen.push(event);
        };
        void reading(); // ends with the test's signal
        await eventually("the stream of events is live", () => seen.length > 0);
        return seen;
      },
    };
  };
}

/** Output as text per stream. */
export type Texts = Record<Output["stream"], string>;

/** Reads output to its end. */
export async function gather(output: AsyncIterable<Output>): Promise<Texts> {
  const parts: Record<Output["stream"], Uint8Array[]> = { stdout: [], stderr: [] };
  for await (const { stream, bytes } of output) parts[stream].push(bytes);
  const text = (stream: Output["stream"]): string => Buffer.concat(parts[stream]).toString();
  return { stdout: text("stdout"), stderr: text("stderr") };
}

/** Ends the input, reads all output, and asks for the exit code. */
export async function finish(
  session: Session,
  input = "",
): Promise<Texts & { readonly code: number | undefined }> {
  session.stdin.end(input);
  const texts = await gather(session.output);
  return { ...texts, code: await session.exitCode() };
}

/** Waits until the container is in `phase`. */
export function untilPhase(
  engine: Engine,
  id: string,
  phase: ContainerDetail["state"]["phase"],
): Promise<ContainerDetail> {
  return eventually(`${id} is ${phase}`, async () => {
    const detail = await engine.containers.inspect(id);
    return detail?.state.phase === phase ? detail : undefined;
  });
}

/** The container, which must exist. */
export async function inspect(engine: Engine, id: string): Promise<ContainerDetail> {
  const detail = await engine.containers.inspect(id);
  expect(detail).toBeDefined();
  return detail as ContainerDetail;
}

/** The answer of a web container at an address and port, once it answers. */
export function fetchText(address: string, port: number): Promise<string> {
  return eventually(`${address}:${port} answers`, async () => {
    const response = await fetch(`http://${address}:${port}/`);
    const text = await response.text();
    return response.ok ? text.trim() : undefined;
  });
}
