import { expect, test } from "vitest";
import { toDetail, toSummary, type WireContainer } from "./from-wire.ts";

const never = "0001-01-01T00:00:00Z";

const wire: WireContainer = {
  Id: "ab",
  Name: "/web",
  Image: "sha256:1",
  Created: "2026-11-21T09:55:32.839505479Z",
  State: {
    Status: "created",
    Pid: 0,
    ExitCode: 0,
    OOMKilled: false,
    Error: "",
    StartedAt: never,
    FinishedAt: never,
  },
  RestartCount: 0,
  Config: { Image: "lh/web:v1", Labels: null, Tty: false },
  HostConfig: { NetworkMode: "default" },
  Mounts: null,
  NetworkSettings: { Ports: null, Networks: null },
};

test("toDetail() leaves out times of what never happened, and nulls", () => {
  expect(toDetail(wire)).toEqual({
    id: "ab",
    name: "web",
    image: "lh/web:v1",
    imageId: "sha256:1",
    labels: {},
    createdAtMs: Date.parse("2026-11-21T09:55:32.839Z"),
    state: { phase: "created", pid: 0, exitCode: 0, oomKilled: false, error: "" },
    restartCount: 0,
    tty: false,
    networkMode: "default",
    limits: {
      memoryBytes: 0,
      memoryReservationBytes: 0,
      cpuShares: 0,
      cpuQuotaMicros: 0,
      cpuPeriodMicros: 0,
    },
    addresses: {},
    ports: [],
    mounts: [],
  });
});

test("toDetail() reads health, ports, addresses and mounts", () => {
  const Log = [{ Output: "old" }, { Output: "x".repeat(5000) }];
  const detail = toDetail({
    ...wire,
    State: { ...wire.State, Health: { Status: "unhealthy", FailingStreak: 3, Log } },
    Mounts: [
      { Type: "volume", Name: "data", Source: "/var/lib/x", Destination: "/data", RW: true },
      { Type: "bind", Source: "/etc", Destination: "/etc", RW: false },
    ],
    NetworkSettings: {
      Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "81/udp": null },
      Networks: {
        bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "" },
        six: { IPAddress: "", GlobalIPv6Address: "fd00::2" },
        none: { IPAddress: "", GlobalIPv6Address: "" },
      },
    },
  });
  expect(detail.state.health).toMatchObject({ status: "unhealthy", failingStreak: 3 });
  expect(detail.state.health?.lastOutput).toHaveLength(4096);
  expect(detail.addresses).toEqual({ bridge: "172.17.0.2", six: "fd00::2" });
  const port = { containerPort: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080 };
  expect(detail.ports).toEqual([port]);
  expect(detail.mounts).toEqual([
    { type: "volume", source: "data", target: "/data", readOnly: false },
    { type: "bind", source: "/etc", target: "/etc", readOnly: true },
  ]);
});

test("toDetail() takes Docker's health 'none' as no health", () => {
  const State = { ...wire.State, Health: { Status: "none", FailingStreak: 0, Log: null } };
  expect(toDetail({ ...wire, State }).state.health).toBeUndefined();
});

test("toSummary() picks the container's own name, not a link's", () => {
  const row = { Id: "a", Image: "i", ImageID: "s", Labels: null, State: "running", Status: "Up" };
  const Ports = [
    { PrivatePort: 81, Type: "tcp" },
    { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
  ];
  expect(toSummary({ ...row, Names: ["/other/db", "/db"], Created: 2, Ports })).toMatchObject({
    name: "db",
    createdAtMs: 2000,
    labels: {},
    ports: [{ containerPort: 80, protocol: "tcp", hostIp: "::", hostPort: 8080 }],
  });
});

test("toDetail() tells limits in the words of the kernel, however they were given", () => {
  const limits = (given: object) =>
    toDetail({ ...wire, HostConfig: { NetworkMode: "default", ...given } }).limits;
  expect(limits({ Memory: 64, NanoCpus: 5e8, CpuShares: 512 })).toMatchObject({
    memoryBytes: 64,
    cpuShares: 512,
    cpuQuotaMicros: 50_000,
    cpuPeriodMicros: 100_000,
  });
  expect(limits({ CpuQuota: 20_000, CpuPeriod: 10_000 })).toMatchObject({
    cpuQuotaMicros: 20_000,
    cpuPeriodMicros: 10_000,
  });
  expect(limits({ CpuQuota: -1 })).toMatchObject({ cpuQuotaMicros: 0, cpuPeriodMicros: 0 });
});
