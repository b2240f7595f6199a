import { expect, test } from "vitest";
import { buildFact, buildPod, createdFact } from "../../test/kit/pod-world.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFact } from "./facts.ts";
import { type Reacher, subjectsOf } from "./reach.ts";

const engine = {} as Engine;
const here: Reacher = { direct: true, host: "127.0.0.1" };
const there: Reacher = { direct: false, host: "10.0.0.7" };
const ports = [
  { containerPort: 80, hostPort: 8080, name: "http" },
  { containerPort: 81, name: "admin" },
];
const spec = { containers: [{ name: "app", ports }, { name: "side" }] };

function dial(
  pod: Pod,
  reacher: Reacher,
  port: number,
  facts: readonly ContainerFact[] = [buildFact()],
) {
  return subjectsOf(pod, facts, { engine, reacher })[0]?.reach.dial(port);
}

test("subjectsOf() reaches a container of this machine by its address", () => {
  expect(dial(buildPod({ spec }), here, 81)).toEqual({ host: "172.17.0.2", port: 81 });
});

test("subjectsOf() reaches a container elsewhere by its published port alone", () => {
  expect(dial(buildPod({ spec }), there, 80)).toEqual({ host: "10.0.0.7", port: 8080 });
  expect(dial(buildPod({ spec }), there, 81)).toEqual({
    why: expect.stringContaining("publish the port as hostPort") as string,
  });
});

test("subjectsOf() asks the host for a pod on its network", () => {
  const pod = buildPod({ spec: { ...spec, hostNetwork: true } });
  expect(dial(pod, there, 81)).toEqual({ host: "10.0.0.7", port: 81 });
});

test("subjectsOf() asks a container that shares a network at the address of the root", () => {
  const facts = [buildFact(), buildFact({ name: "side", ip: "" })];
  const subjects = subjectsOf(buildPod({ spec }), facts, { engine, reacher: here });
  expect(subjects.map(({ member }) => member.name)).toEqual(["app", "side"]);
  expect(subjects[1]?.reach.dial(9)).toEqual({ host: "172.17.0.2", port: 9 });
  expect(subjects[1]?.reach.portNames.get("admin")).toBe(81);
});

test("subjectsOf() leaves out what does not run", () => {
  expect(subjectsOf(buildPod({ spec }), [createdFact()], { engine, reacher: here })).toEqual([]);
  expect(dial(buildPod({ spec }), here, 81, [buildFact({ ip: "" })])).toEqual({
    why: expect.stringContaining("no address") as string,
  });
});
