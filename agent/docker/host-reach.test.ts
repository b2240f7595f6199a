import { expect, test } from "vitest";
import { hostReach, type ReachFacts } from "./host-reach.ts";

const bind = (Source: string): ReachFacts => ({ Mounts: [{ Type: "bind", Source }] });

test.each<[string, ReachFacts, string | undefined]>([
  ["nothing special", { HostConfig: { CapAdd: null, Devices: null }, Mounts: null }, undefined],
  ["no HostConfig", {}, undefined],
  ["--privileged", { HostConfig: { Privileged: true } }, "it is privileged"],
  ["--pid host", { HostConfig: { PidMode: "host" } }, "it sees the processes of the host"],
  ["--device", { HostConfig: { Devices: [{}] } }, "it has devices of the host"],
  [
    "--cap-add",
    { HostConfig: { CapAdd: ["NET_RAW", "cap_sys_admin"] } },
    "it has the capability SYS_ADMIN",
  ],
  ["a harmless --cap-add", { HostConfig: { CapAdd: ["CAP_CHOWN"] } }, undefined],
  ["the root", bind("/"), "it mounts / of the host"],
  ["/etc", bind("/etc/"), "it mounts /etc of the host"],
  ["the engine", bind("/var/run/docker.sock"), "it mounts /var/run/docker.sock of the host"],
  ["a rootless engine", bind("/run/user/1000/docker.sock"), "it mounts /run/user/1000/docker.sock"],
  ["its volumes", bind("/var/lib/docker/volumes"), "it mounts /var/lib/docker/volumes of the host"],
  ["data of its own", bind("/srv/data"), undefined],
  ["a volume", { Mounts: [{ Type: "volume", Source: "/var/lib/docker/volumes/a" }] }, undefined],
])("a container with %s: %#", (_what, facts, why) => {
  const found = hostReach(facts);
  expect(found?.startsWith(why ?? "-") ?? why === undefined).toBe(true);
});
