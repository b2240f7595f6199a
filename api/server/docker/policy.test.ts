import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readDockerUrl } from "../../machinery/docker/docker-url.ts";
import { findOperation } from "../../machinery/docker/operations.ts";
import { judgeCall, type JudgedCall, type SentCall } from "./policy.ts";

type Sent = Partial<Pick<SentCall, "contentType" | "images" | "override">> & {
  readonly body?: unknown;
};

function judge(
  route: string,
  { body, override = false, contentType, images = { requireDigest: false } }: Sent = {},
): JudgedCall {
  const [method = "", target = ""] = route.split(" ");
  const url = readDockerUrl(target);
  const found = findOperation(method, url.path);
  if (found === undefined) throw new Error(`There is no ${route}`);
  const text = typeof body === "string" ? body : JSON.stringify(body ?? {});
  const bytes = found.operation.body === "stream" ? Readable.from([]) : Buffer.from(text);
  return judgeCall({ found, url, body: bytes, override, contentType, images });
}

const sentBody = ({ body }: JudgedCall): unknown =>
  Buffer.isBuffer(body) ? JSON.parse(body.toString()) : undefined;

const create = "POST /containers/create";
const host = (HostConfig: unknown): Sent => ({ body: { Image: "app", HostConfig } });

test.each([
  ["privileged", host({ Privileged: true }), "HostConfig.Privileged"],
  ["a bind mount", host({ Binds: ["/:/host"] }), "HostConfig.Binds[0]"],
  ["the engine's socket", host({ Binds: ["/var/run/docker.sock:/s:ro"] }), "HostConfig.Binds[0]"],
  ["a relative bind", host({ Binds: ["./a:/a"] }), "HostConfig.Binds[0]"],
  ["a mount of type bind", host({ Mounts: [{ Type: "bind", Source: "/" }] }), "Mounts[0].Type"],
  ["a path as a volume", host({ Mounts: [{ Type: "volume", Source: "/a" }] }), "Mounts[0].Source"],
  [
    "a bind by the driver of a volume",
    host({
      Mounts: [
        {
          Type: "volume",
          VolumeOptions: { DriverConfig: { Name: "local", Options: { type: "none", o: "bind" } } },
        },
      ],
    }),
    "VolumeOptions.DriverConfig.Options",
  ],
  ["the host's network", host({ NetworkMode: "host" }), "HostConfig.NetworkMode"],
  ["the host's processes", host({ PidMode: "host" }), "HostConfig.PidMode"],
  ["another one's processes", host({ PidMode: "container:web" }), "HostConfig.PidMode"],
  ["the host's IPC", host({ IpcMode: "host" }), "HostConfig.IpcMode"],
  ["another one's IPC", host({ IpcMode: "container:web" }), "HostConfig.IpcMode"],
  ["the host's name", host({ UTSMode: "host" }), "HostConfig.UTSMode"],
  ["the host's users", host({ UsernsMode: "host" }), "HostConfig.UsernsMode"],
  ["the host's cgroups", host({ CgroupnsMode: "host" }), "HostConfig.CgroupnsMode"],
  ["a cgroup parent", host({ CgroupParent: "/" }), "HostConfig.CgroupParent"],
  ["a capability", host({ CapAdd: ["CHOWN", "CAP_sys_admin"] }), "HostConfig.CapAdd[1]"],
  ["all capabilities", host({ CapAdd: ["ALL"] }), "HostConfig.CapAdd[0]"],
  ["a list of capabilities", host({ Capabilities: ["CHOWN"] }), "HostConfig.Capabilities"],
  ["a device", host({ Devices: [{ PathOnHost: "/dev/sda" }] }), "HostConfig.Devices"],
  ["a device rule", host({ DeviceCgroupRules: ["a *:* rwm"] }), "DeviceCgroupRules"],
  ["a GPU", host({ DeviceRequests: [{ Count: -1 }] }), "HostConfig.DeviceRequests"],
  ["a runtime", host({ Runtime: "kata" }), "HostConfig.Runtime"],
  ["a sysctl", host({ Sysctls: { "kernel.msgmax": "1" } }), "HostConfig.Sysctls[kernel.msgmax]"],
  ["no seccomp", host({ SecurityOpt: ["seccomp=unconfined"] }), "HostConfig.SecurityOpt[0]"],
  ["no AppArmor", host({ SecurityOpt: ["apparmor:unconfined"] }), "HostConfig.SecurityOpt[0]"],
  ["unmasked paths", host({ MaskedPaths: [] }), "HostConfig.MaskedPaths"],
  ["writable paths", host({ ReadonlyPaths: [] }), "HostConfig.ReadonlyPaths"],
  ["volumes of others", host({ VolumesFrom: ["web"] }), "HostConfig.VolumesFrom"],
  ["a driver of logs", host({ LogConfig: { Type: "syslog" } }), "HostConfig.LogConfig.Type"],
  ["orders to the runtime", host({ Annotations: { a: "b" } }), "HostConfig.Annotations"],
  ["never out of memory", host({ OomKillDisable: true }), "HostConfig.OomKillDisable"],
  ["killed last", host({ OomScoreAdj: -999 }), "HostConfig.OomScoreAdj"],
  [
    "the host's network by another name",
    { body: { NetworkingConfig: { EndpointsConfig: { host: {} } } } },
    "EndpointsConfig[host]",
  ],
  [
    "options of a network's driver",
    { body: { NetworkingConfig: { EndpointsConfig: { a: { DriverOpts: { b: "c" } } } } } },
    "EndpointsConfig[a].DriverOpts",
  ],
])("judgeCall() lets nobody create a container with %s without the override", (_, sent, at) => {
  expect(() => judge(create, sent)).toThrow(`${at}: `);
  expect(() => judge(create, sent)).toThrow("the right to override nodes/docker-write");
  expect(sentBody(judge(create, { ...sent, override: true }))).toMatchObject(sent.body as object);
});

test.each([
  ["a field in other letters", '{"hostConfig":{"Privileged":true}}', "hostConfig: unknown field"],
  ["an inner one too", '{"HostConfig":{"privileged":true}}', "HostConfig.privileged: unknown"],
  ["an unknown field", '{"HostConfig":{"NextYear":1}}', "HostConfig.NextYear: unknown field"],
  ["a field twice", '{"Image":"a","Image":"b"}', "twice"],
  ["an inner field twice", '{"HostConfig":{"Privileged":false,"Privileged":true}}', "twice"],
  ["a label of ours", '{"Labels":{"lighthouse.dev/pod-uid":"1"}}', "set by Lighthouse alone"],
  ["a list for an object", '{"HostConfig":[]}', "HostConfig: must be an object"],
  ["an object for a list", '{"HostConfig":{"Binds":{}}}', "HostConfig.Binds: must be a list"],
  ["a number for a text", '{"HostConfig":{"PidMode":"","NetworkMode":1}}', "must be a string"],
  ["a body that was cut", '{"Image":"a', "json parse error"],
  ["a second body", '{} {"HostConfig":{"Privileged":true}}', "json parse error"],
  ["too large a number", '{"HostConfig":{"Memory":9007199254740993}}', "too large a number"],
  ["a prototype", '{"__proto__":{}}', "__proto__"],
  ["a deep nest", `{"Env":${"[".repeat(40)}${"]".repeat(40)}}`, "nested more than 32 deep"],
])("judgeCall() refuses %s, also of who may override", (_, body, why) => {
  for (const override of [false, true])
    expect(() => judge(create, { body, override })).toThrow(
      expect.objectContaining({ reason: "BadRequest", message: expect.stringContaining(why) }),
    );
});

test("what docker run sends passes, and is written anew as what was read", () => {
  const HostConfig = {
    Binds: ["data:/data:ro"],
    NetworkMode: "default",
    LogConfig: { Type: "", Config: {} },
    CapAdd: ["NET_BIND_SERVICE"],
    Devices: [],
    Privileged: false,
    MaskedPaths: null,
    PidMode: "",
    SecurityOpt: ["no-new-privileges:true"],
    Sysctls: { "net.ipv4.tcp_syncookies": "1" },
    Mounts: [{ Type: "tmpfs", Target: "/t" }],
    Memory: 67_108_864,
  };
  const body = `{"Image":  "app","HostConfig":${JSON.stringify(HostConfig)}}`;
  const judged = judge(`${create}?name=web`, { body });
  expect(sentBody(judged)).toEqual({
    Image: "app",
    HostConfig,
    // Whatever labels its image has, it is none of ours.
    Labels: { "lighthouse.dev/cluster": "" },
  });
});

test.each([
  ["POST /containers/web/exec", { Privileged: true }, "Privileged"],
  ["POST /containers/web/update", { Devices: [{}] }, "Devices"],
  ["POST /containers/web/update", { CgroupParent: "/a" }, "CgroupParent"],
  ["POST /networks/create", { Name: "a", Driver: "macvlan" }, "Driver"],
  ["POST /networks/create", { Options: { "com.docker.network.bridge.name": "b" } }, "Options["],
  ["POST /networks/create", { ConfigFrom: { Network: "a" } }, "ConfigFrom"],
  ["POST /networks/a/connect", { EndpointConfig: { DriverOpts: { a: "b" } } }, "DriverOpts"],
  ["POST /volumes/create", { DriverOpts: { type: "none", o: "bind", device: "/" } }, "DriverOpts"],
  ["POST /volumes/create", { DriverOpts: { device: "/dev/sda1", type: "ext4" } }, "DriverOpts"],
  ["POST /volumes/create", { DriverOpts: { o: "bind" } }, "DriverOpts"],
  ["POST /volumes/create", { Driver: "nfs" }, "Driver"],
])("%s refuses %j without the override", (route, body, at) => {
  expect(() => judge(route, { body })).toThrow(
    expect.objectContaining({ reason: "Forbidden", message: expect.stringContaining(at) }),
  );
  expect(sentBody(judge(route, { body, override: true }))).toEqual(body);
});

test.each([
  "8.8.8.0/24",
  "169.254.169.254/32",
  "0.0.0.0/0",
  "10.0.0.0/7",
  "2000::/3",
  "x/8",
  "10.0.0.0",
])("a network on %s needs the override", (Subnet) => {
  const body = { IPAM: { Config: [{ Subnet, IPRange: "" }] } };
  const route = "POST /networks/create";
  expect(() => judge(route, { body })).toThrow("IPAM.Config[0].Subnet: the host would send");
  expect(sentBody(judge(route, { body, override: true }))).toEqual(body);
});

test.each(["", "10.1.0.0/16", "172.28.0.0/16", "192.168.5.0/24", "fd12:3456::/64"])(
  "a network on %j is anybody's",
  (Subnet) => {
    const body = { IPAM: { Driver: "default", Config: [{ Subnet }] } };
    expect(sentBody(judge("POST /networks/create", { body }))).toEqual(body);
  },
);

test("a tmpfs is no directory of the host", () => {
  const DriverOpts = { type: "tmpfs", device: "tmpfs", o: "size=10m,uid=1" };
  expect(sentBody(judge("POST /volumes/create", { body: { DriverOpts } }))).toEqual({ DriverOpts });
});

test.each([
  ["POST /build?networkmode=host", "networkmode"],
  ["POST /build?networkmode=container:web", "networkmode"],
  ["POST /build?remote=http://169.254.169.254/", "remote"],
  ["POST /build?version=2", "version"],
  ["POST /build?session=a", "session"],
  ["POST /build?cgroupparent=/a", "cgroupparent"],
  ['POST /build?securityopt=["seccomp=unconfined"]', "securityopt"],
  ["POST /images/create?fromSrc=http://10.0.0.1/a", "fromSrc"],
  ["POST /session", "BuildKit"],
  ["POST /grpc", "BuildKit"],
])("%s needs the override", (route, why) => {
  expect(() => judge(route)).toThrow(
    expect.objectContaining({ reason: "Forbidden", message: expect.stringContaining(why) }),
  );
  expect(judge(route, { override: true }).url.path).toBe(route.split(/[ ?]/)[1]);
});

test.each([
  ["POST /build?networkmode=none&networkmode=host", "given twice"],
  ["POST /build?t=a&entitlements=b", "unknown parameter"],
  ["POST /build?labels={%22lighthouse.dev/cluster%22:%22a%22}", "set by Lighthouse alone"],
  ["POST /containers/web/start?checkpoint=a", "unknown parameter"],
])("%s is refused, also of who may override", (route, why) => {
  for (const override of [false, true]) expect(() => judge(route, { override })).toThrow(why);
});

test("names may come several times where each counts", () => {
  expect(judge("POST /build?t=a&t=b").url.query).toHaveLength(2);
});

test("an operation without a body sends none on", () => {
  const start = "POST /containers/web/start";
  for (const body of ["", "{}", " null\n"])
    expect(judge(start, { body })).not.toHaveProperty("body");
  const smuggled = { body: { Binds: ["/:/host"] }, override: true };
  expect(() => judge(start, smuggled)).toThrow("it has no body");
});

test.each(["application/x-www-form-urlencoded", "multipart/form-data; boundary=a"])(
  "a body of type %s could change the query, and is refused",
  (contentType) => {
    expect(() => judge("POST /build", { contentType, override: true })).toThrow(contentType);
  },
);

const images = { allowed: ["docker.io/library", "registry.example.com"], requireDigest: false };

test.each([
  ["POST /containers/create", { body: { Image: "evil.io/docker.io/library/nginx" } }],
  ["POST /containers/create", { body: { Image: "0123abcd" } }],
  ["POST /containers/create", { body: { Image: `sha256:${"a".repeat(64)}` } }],
  ["POST /containers/create", { body: {} }],
  ["POST /images/create?fromImage=evil.io/nginx", {}],
  ["POST /images/create?fromImage=someone/nginx&tag=1", {}],
  ["POST /images/create?fromSrc=-&repo=nginx", {}],
  ["POST /images/evil/tag?repo=registry.example.com/app", {}],
  ["POST /commit?container=a&repo=nginx", {}],
  ["POST /images/load", {}],
  ["POST /build?t=nginx", {}],
] as readonly (readonly [string, Sent])[])(
  "%s %j is refused by an image policy, and passes with the override",
  (route, sent) => {
    expect(() => judge(route, { ...sent, images })).toThrow(/the image policy of the cluster/);
    expect(() => judge(route, { ...sent, images, override: true })).not.toThrow();
  },
);

test.each([
  ["POST /containers/create", { body: { Image: "nginx:1.27" } }],
  ["POST /images/create?fromImage=nginx&tag=1.27", {}],
  [`POST /images/create?fromImage=nginx&tag=sha256:${"a".repeat(64)}`, {}],
  ["POST /images/create?fromImage=registry.example.com/a/b:1", {}],
] as readonly (readonly [string, Sent])[])("%s %j meets the image policy", (route, sent) => {
  expect(() => judge(route, { ...sent, images })).not.toThrow();
});
