import { describe, expect, test } from "vitest";
import {
  buildFact,
  buildPod,
  buildSeen,
  createdFact,
  endedFact,
  endedHistory,
  noonMs,
} from "../../test/kit/pod-world.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "./containers.ts";
import { noHistory } from "./history.ts";
import { isInitialized, isPrepared, planPod, type Seen } from "./plan.ts";
import { podStatus, statusPatch } from "./status.ts";
import { translate } from "./translate.ts";

const name = "debugger";
const pod = buildPod({
  spec: { ephemeralContainers: [{ name, image: "web:1", targetContainerName: "app", tty: true }] },
});
const joined = { name, networkOf: "id-app" };
const running = { ...noHistory, id: "id-app", startedAtMs: noonMs - 60_000 };
const seen = (over: Partial<Seen> = {}): Seen => buildSeen({ pod, ...over });
const stepsOf = (over: Partial<Seen>): readonly string[] =>
  planPod(seen(over), noonMs).steps.map((step) =>
    "container" in step ? `${step.kind} ${step.container}` : step.kind,
  );

describe("planPod() of a pod with an ephemeral container", () => {
  test.each<[string, Partial<Seen>, readonly string[]]>([
    ["adds it to what runs", {}, [`pull ${name}`, `create ${name}`, `start ${name}`]],
    [
      "starts it when it exists",
      { containers: [buildFact(), createdFact(joined)] },
      [`start ${name}`],
    ],
    ["leaves it alone while it runs", { containers: [buildFact(), buildFact(joined)] }, []],
    [
      "never starts it again",
      {
        containers: [buildFact(), endedFact(joined)],
        histories: new Map([
          ["app", running],
          [name, endedHistory({ id: `id-${name}` })],
        ]),
      },
      [],
    ],
    [
      "does not make it before there is something to debug",
      { containers: [], histories: new Map() },
      ["pull app", "create app", "start app"],
    ],
    [
      "waits for its target to run again",
      { containers: [createdFact()], histories: new Map() },
      ["start app"],
    ],
  ])("%s", (_why, over, want) => {
    expect(stepsOf(over)).toEqual(want);
  });

  test("removes it with the pod", () => {
    const metadata = { ...pod.metadata, deletionTimestamp: "2026-11-21T12:00:00Z" };
    const containers = [buildFact(), buildFact(joined)];
    expect(stepsOf({ pod: { ...pod, metadata }, containers })).toEqual([
      "stop",
      "remove",
      "finalize",
    ]);
  });

  test("does not wait for it to be prepared or initialized", () => {
    expect([isPrepared(seen()), isInitialized(seen())]).toEqual([true, true]);
  });
});

describe("podStatus() of a pod with an ephemeral container", () => {
  const statusOf = (over: Partial<Seen>) =>
    podStatus({
      seen: seen(over),
      verdicts: new Map(),
      imageName: (id) => id,
      pulling: () => undefined,
      hostIp: "10.0.0.7",
      nowMs: noonMs,
    });

  test("tells its state apart from those that count", () => {
    const status = statusOf({ containers: [buildFact(), buildFact(joined)] });
    expect(status.containerStatuses).toHaveLength(1);
    expect(status.ephemeralContainerStatuses).toMatchObject([
      { name, ready: false, state: { running: {} } },
    ]);
    expect(status.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
    expect(statusPatch(undefined, status)).toHaveProperty("ephemeralContainerStatuses");
  });

  test("its end is not the pod's", () => {
    const histories = new Map([
      ["app", running],
      [name, endedHistory({ id: `id-${name}` })],
    ]);
    const status = statusOf({ containers: [buildFact(), endedFact(joined)], histories });
    expect(status.phase).toBe("Running");
    expect(status.ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(1);
  });
});

describe("translate() of an ephemeral container", () => {
  const hostConfigOf = (of: Pod, targetId?: string) => {
    const member = membersOf(of.spec).find(({ role }) => role === "ephemeral");
    if (member === undefined) throw new Error("Missing the ephemeral container");
    return translate(of, member, {
      sources: new Map(),
      place: { hostIp: "" },
      cluster: "c1",
      network: "lh_shop_c1",
      rootId: "root-id",
      imageUser: "",
      ...(targetId === undefined ? {} : { targetId }),
    }).spec.HostConfig;
  };

  test("joins the network of the pod and the processes of its target", () => {
    expect(hostConfigOf(pod, "target-id")).toMatchObject({
      NetworkMode: "container:root-id",
      PidMode: "container:target-id",
    });
    expect(hostConfigOf(pod)).not.toHaveProperty("PidMode");
    expect(hostConfigOf(pod)).not.toHaveProperty("IpcMode");
  });

  test("joins the host's network where the pod does", () => {
    const spec = { ...pod.spec, hostNetwork: true };
    expect(hostConfigOf({ ...pod, spec })).toMatchObject({ NetworkMode: "host" });
  });
});
