import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { containerLabel, label } from "../../crds/labels.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { type ContainerOf, membersOf } from "./containers.ts";
import type { Sources } from "./sources.ts";
import { dockerName, translate } from "./translate.ts";

const sources: Sources = new Map([
  ["ConfigMap/settings", new Map([["color", Buffer.from("blue")]])],
  ["Secret/login", new Map([["password", Buffer.from("open sesame")]])],
]);

function translated(
  container: Partial<ContainerOf> = {},
  {
    spec,
    metadata,
    name = "app",
  }: { spec?: Partial<Pod["spec"]>; metadata?: Partial<Pod["metadata"]>; name?: string } = {},
) {
  const containers = [{ name: "app", image: "web:1", ...container }];
  const pod = buildPod({
    spec: { containers, ...spec },
    ...(metadata === undefined ? {} : { metadata }),
  });
  const member = membersOf(pod.spec).find((one) => one.name === name);
  if (member === undefined) throw new Error(`Missing container ${name}`);
  return translate(pod, member, {
    sources,
    place: { hostIp: "10.0.0.7" },
    cluster: "c1",
    network: "lh_shop_c1",
    rootId: "root-id",
    imageUser: "web",
  });
}

test("translate() names and labels a container so that it can be found again", () => {
  const metadata = { labels: { [label.application]: "web", other: "x" } };
  const { name, spec } = translated({}, { metadata });
  expect(name).toBe("lh_shop_web-0_app_1a2b3c4d");
  expect(spec.Labels).toMatchObject({
    [label.application]: "web",
    [containerLabel.cluster]: "c1",
    [containerLabel.podUid]: "1a2b3c4d-0000-4000-8000-000000000000",
    [containerLabel.podNamespace]: "shop",
    [containerLabel.podName]: "web-0",
    [containerLabel.container]: "app",
    [containerLabel.role]: "main",
    [containerLabel.graceSeconds]: "30",
  });
  expect(spec.Labels).not.toHaveProperty("other");
});

test("dockerName() differs between two pods of one name", () => {
  const one = buildPod();
  const two = buildPod({ metadata: { uid: "99999999-0000-4000-8000-000000000000" } });
  expect(dockerName(one, "app")).not.toBe(dockerName(two, "app"));
});

test("translate() leaves to image and engine what the pod does not say", () => {
  const { spec, files } = translated();
  const { Labels, ...rest } = spec;
  expect(Labels).toBeDefined();
  expect(rest).toEqual({
    Image: "web:1",
    Hostname: "web-0",
    HostConfig: { RestartPolicy: { Name: "no" }, NetworkMode: "lh_shop_c1" },
    NetworkingConfig: {
      EndpointsConfig: { lh_shop_c1: { Aliases: ["web-0", "web-0.shop", "web-0.shop.pod"] } },
    },
  });
  expect(files).toEqual([]);
});

test("translate() resolves variables in their order and in commands", () => {
  const { spec } = translated({
    envFrom: [{ prefix: "CFG_", configMapRef: { name: "settings" } }],
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)-$(CFG_color)-$$(A)-$(NONE)" },
      { name: "P", valueFrom: { secretKeyRef: { name: "login", key: "password" } } },
      { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      {
        name: "GONE",
        valueFrom: { configMapKeyRef: { name: "settings", key: "x", optional: true } },
      },
    ],
    command: ["/bin/web", "--color=$(CFG_color)"],
    args: ["$(B)"],
  });
  expect(spec.Env).toEqual([
    "CFG_color=blue",
    "A=1",
    "B=1-blue-$(A)-$(NONE)",
    "P=open sesame",
    "NODE=host-1",
  ]);
  expect(spec.Entrypoint).toEqual(["/bin/web", "--color=blue"]);
  expect(spec.Cmd).toEqual(["1-blue-$(A)-$(NONE)"]);
});

test.each([
  ["a missing ConfigMap", { envFrom: [{ configMapRef: { name: "none" } }] }, /ConfigMap "none"/],
  [
    "a missing key",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "login", key: "user" } } }] },
    /key "user" of Secret "login"/,
  ],
  [
    "the pod's address",
    { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }] },
    /status\.podIP/,
  ],
  ["an unknown volume", { volumeMounts: [{ name: "v", mountPath: "/v" }] }, /volume "v"/],
  [
    "root that may not be root",
    { securityContext: { runAsUser: 0, runAsNonRoot: true } },
    /runAsNonRoot/,
  ],
  [
    "an image whose user has only a name",
    { securityContext: { runAsNonRoot: true } },
    /as user web/,
  ],
])("translate() refuses %s", (_why, container, message) => {
  expect(() => translated(container as Partial<ContainerOf>)).toThrow(message);
});

test("translate() publishes host ports, on the network's root alone", () => {
  const containers = [
    {
      name: "app",
      image: "web:1",
      ports: [{ containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" }],
    },
    { name: "side", image: "web:1", ports: [{ containerPort: 53, hostPort: 53, protocol: "UDP" }] },
  ];
  const app = translated({}, { spec: { containers } });
  expect(app.spec.HostConfig).toMatchObject({
    NetworkMode: "lh_shop_c1",
    IpcMode: "shareable",
    PortBindings: {
      "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }],
      "53/udp": [{ HostIp: "", HostPort: "53" }],
    },
  });
  const side = translated({}, { spec: { containers }, name: "side" });
  expect(side.spec.HostConfig).toMatchObject({ NetworkMode: "container:root-id" });
  expect(side.spec).not.toHaveProperty("Hostname");
  expect(side.spec).not.toHaveProperty("ExposedPorts");
  expect(side.spec.HostConfig).not.toHaveProperty("PortBindings");
});

test("translate() uses the host's network and namespaces when asked to", () => {
  const spec = { hostNetwork: true, hostPID: true, hostIPC: true };
  const { spec: body } = translated({ ports: [{ containerPort: 80, hostPort: 80 }] }, { spec });
  expect(body.HostConfig).toMatchObject({ NetworkMode: "host", PidMode: "host", IpcMode: "host" });
  expect(body.HostConfig).not.toHaveProperty("PortBindings");
  expect(body).not.toHaveProperty("Hostname");
});

test("translate() turns resources into limits and reservations", () => {
  const { spec } = translated({
    resources: {
      requests: { cpu: "250m", memory: "64Mi" },
      limits: { cpu: "1.5", memory: "128Mi" },
    },
  });
  expect(spec.HostConfig).toMatchObject({
    NanoCpus: 1_500_000_000,
    CpuShares: 256,
    Memory: 134_217_728,
    MemorySwap: 134_217_728,
    MemoryReservation: 67_108_864,
  });
});

test("translate() passes rights on", () => {
  const { spec } = translated(
    {
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 1001,
        privileged: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
        seccompProfile: { type: "Unconfined" },
      },
    },
    {
      spec: {
        securityContext: {
          supplementalGroups: [7],
          fsGroup: 8,
          sysctls: [{ name: "net.core.somaxconn", value: "9" }],
        },
      },
    },
  );
  expect(spec.User).toBe("1000:1001");
  expect(spec.HostConfig).toMatchObject({
    Privileged: true,
    ReadonlyRootfs: true,
    SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
    CapAdd: ["NET_ADMIN"],
    CapDrop: ["ALL"],
    GroupAdd: ["7", "8"],
    Sysctls: { "net.core.somaxconn": "9" },
  });
});

test("translate() writes hosts and resolvers", () => {
  const { spec } = translated(
    {},
    {
      spec: {
        hostname: "pretty",
        hostAliases: [{ ip: "10.1.1.1", hostnames: ["db", "db.shop"] }],
        dnsConfig: {
          nameservers: ["10.0.0.2"],
          searches: ["shop"],
          options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
        },
      },
    },
  );
  expect(spec.Hostname).toBe("pretty");
  expect(spec.HostConfig).toMatchObject({
    ExtraHosts: ["db:10.1.1.1", "db.shop:10.1.1.1"],
    Dns: ["10.0.0.2"],
    DnsSearch: ["shop"],
    DnsOptions: ["ndots:2", "rotate"],
  });
});

test("translate() mounts each kind of volume as Docker can", () => {
  const volumes = [
    { name: "tmp", emptyDir: {} },
    { name: "ram", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: "logs", hostPath: { path: "/var/log/web", type: "DirectoryOrCreate" } },
    { name: "sock", hostPath: { path: "/run/x.sock", type: "Socket" } },
    { name: "data", persistentVolumeClaim: { claimName: "web-data" } },
    { name: "cfg", configMap: { name: "settings", defaultMode: 0o400 } },
  ];
  const volumeMounts = [
    { name: "tmp", mountPath: "/tmp" },
    { name: "ram", mountPath: "/ram" },
    { name: "logs", mountPath: "/logs", readOnly: true },
    { name: "sock", mountPath: "/x.sock" },
    { name: "data", mountPath: "/data" },
    { name: "cfg", mountPath: "/etc/web" },
    { name: "cfg", mountPath: "/etc/color", subPath: "color" },
  ];
  const { spec, files } = translated({ volumeMounts }, { spec: { volumes } });
  const mounts = spec.HostConfig?.Mounts ?? [];
  expect(mounts.map(({ Type, Source, Target }) => `${Type} ${Source ?? ""}:${Target}`)).toEqual([
    "volume :/tmp",
    "tmpfs :/ram",
    "bind /run/x.sock:/x.sock",
    "volume web-data:/data",
    "volume :/etc/web",
  ]);
  expect(mounts[1]?.TmpfsOptions).toEqual({ Mode: 0o1777, SizeBytes: 1_048_576 });
  expect(spec.HostConfig?.Binds).toEqual(["/var/log/web:/logs:ro"]);
  expect(
    files.map(({ path, content, mode }) => [path, Buffer.from(content).toString(), mode]),
  ).toEqual([
    ["/etc/web/color", "blue", 0o400],
    ["/etc/color", "blue", 0o400],
  ]);
});

test("translate() writes files of the pod's own fields and of several sources", () => {
  const fieldRef = { fieldPath: "metadata.labels['tier']" };
  const volumes = [
    { name: "info", downwardAPI: { items: [{ path: "tier", fieldRef, mode: 0o400 }] } },
    {
      name: "all",
      projected: {
        sources: [
          { configMap: { name: "settings", items: [{ key: "color", path: "look/color" }] } },
          { secret: { name: "login" } },
          { downwardAPI: { items: [{ path: "node", fieldRef: { fieldPath: "spec.nodeName" } }] } },
          { configMap: { name: "none", optional: true } },
        ],
      },
    },
  ];
  const volumeMounts = [
    { name: "info", mountPath: "/info" },
    { name: "all", mountPath: "/all" },
  ];
  const metadata = { labels: { tier: "front" } };
  const { files } = translated({ volumeMounts }, { spec: { volumes }, metadata });
  expect(files.map(({ path, content }) => `${path}=${Buffer.from(content).toString()}`)).toEqual([
    "/info/tier=front",
    "/all/look/color=blue",
    "/all/password=open sesame",
    "/all/node=host-1",
  ]);
});

test.each([
  [{ secret: { secretName: "none" } }, /Secret "none"/],
  [{ configMap: { name: "settings", items: [{ key: "x", path: "x" }] } }, /key "x"/],
  [{ configMap: { name: "settings", items: [{ key: "color", path: "../x" }] } }, /leads out/],
  [{ downwardAPI: { items: [{ path: "x" }] } }, /resourceFieldRef/],
  [{ projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }, /other than/],
  [{ nfs: { server: "s", path: "/" } }, /not supported/],
])("translate() refuses volume %j", (source, message) => {
  const volumes = [{ name: "v", ...source }];
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  expect(() => translated({ volumeMounts }, { spec: { volumes } })).toThrow(message);
});

test.each([
  ["a subPath of an emptyDir", { emptyDir: {} }, /subPath/],
  ["a subPath that is no file", { configMap: { name: "settings" } }, /"shape"/],
])("translate() refuses %s", (_why, source, message) => {
  const volumes = [{ name: "v", ...source }];
  const volumeMounts = [{ name: "v", mountPath: "/v", subPath: "shape" }];
  expect(() => translated({ volumeMounts }, { spec: { volumes } })).toThrow(message);
});

test("translate() mounts a directory of a ConfigMap by its subPath", () => {
  const items = [
    { key: "color", path: "conf/color" },
    { key: "color", path: "other/color" },
  ];
  const { spec, files } = translated(
    { volumeMounts: [{ name: "v", mountPath: "/etc/app", subPath: "conf" }] },
    { spec: { volumes: [{ name: "v", configMap: { name: "settings", items } }] } },
  );
  expect(files.map(({ path }) => path)).toEqual(["/etc/app/color"]);
  expect(spec.HostConfig?.Mounts).toMatchObject([{ Type: "volume", Target: "/etc/app" }]);
});

test("translate() tells a container its limits, as variables and files", () => {
  const limit = (divisor: string) => ({ resource: "limits.memory", divisor });
  const items = [{ path: "mib", resourceFieldRef: { ...limit("1Mi"), containerName: "app" } }];
  const { spec, files } = translated(
    {
      resources: { limits: { memory: "64Mi" } },
      env: [{ name: "LIMIT", valueFrom: { resourceFieldRef: limit("1") } }],
      volumeMounts: [{ name: "v", mountPath: "/info" }],
    },
    { spec: { volumes: [{ name: "v", downwardAPI: { items } }] } },
  );
  expect(spec.Env).toEqual(["LIMIT=67108864"]);
  expect(files).toMatchObject([{ path: "/info/mib", content: Buffer.from("64") }]);
});

test("translate() gives a volume a name when containers share it", () => {
  const volumeMounts = [{ name: "ram", mountPath: "/ram" }];
  const volumes = [{ name: "ram", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }];
  const containers = [
    { name: "app", image: "web:1", volumeMounts },
    { name: "side", image: "web:1", volumeMounts },
  ];
  const { spec } = translated({}, { spec: { containers, volumes } });
  expect(spec.HostConfig?.Mounts?.[0]).toMatchObject({
    Type: "volume",
    Source: "lh_1a2b3c4d-0000-4000-8000-000000000000_ram",
    VolumeOptions: { DriverConfig: { Options: { type: "tmpfs", o: "size=1048576" } } },
  });
});

test("translate() shares the processes of a pod, and passes mount propagation on", () => {
  const containers = [
    { name: "app", image: "web:1" },
    {
      name: "side",
      image: "web:1",
      volumeMounts: [
        { name: "h", mountPath: "/h", mountPropagation: "Bidirectional", subPath: "below" },
        { name: "d", mountPath: "/d", mountPropagation: "HostToContainer" },
      ],
    },
  ];
  const volumes = [
    { name: "h", hostPath: { path: "/srv" } },
    { name: "d", hostPath: { path: "/srv", type: "Directory" } },
  ];
  const spec = { containers, volumes, shareProcessNamespace: true };
  const { spec: body } = translated({}, { spec, name: "side" });
  expect(body.HostConfig).toMatchObject({
    PidMode: "container:root-id",
    Binds: ["/srv/below:/h:rw,rshared"],
    Mounts: [{ Type: "bind", BindOptions: { Propagation: "rslave" } }],
  });
});

test("translate() refuses paths that lead out of a volume", () => {
  const volumes = [{ name: "logs", hostPath: { path: "/var/log" } }];
  const volumeMounts = [{ name: "logs", mountPath: "/logs", subPath: "../../etc" }];
  expect(() => translated({ volumeMounts }, { spec: { volumes } })).toThrow(/leads out of it/);
});
