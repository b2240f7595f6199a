import { expect, test } from "vitest";
import type { ProviderConfig } from "../../../crds/types.gen.ts";
import type { Credentials } from "../settings.ts";
import { type CloudSettings, type Machine, toHosts } from "./machine.ts";

const machine: Machine = {
  name: "vm-1",
  region: "europe-west1",
  zone: "europe-west1-b",
  type: "e2-small",
  labels: { role: "docker", Name: "one" },
  tags: ["web"],
  nics: [
    { name: "nic0", privateAddresses: ["10.0.0.1", "fd00::1"], publicAddresses: ["198.51.100.7"] },
    { name: "nic1", privateAddresses: ["192.168.7.1"], publicAddresses: [] },
  ],
};
const other: Machine = {
  ...machine,
  name: "vm-2",
  region: "us-east1",
  zone: "us-east1-b",
  labels: {},
  tags: [],
  nics: [{ name: "nic0", privateAddresses: ["10.1.0.2"], publicAddresses: [] }],
};

const certificates = { "ca.pem": "CA", "cert.pem": "CERT", "key.pem": "KEY" };
const settings = (config: ProviderConfig, more: Partial<CloudSettings> = {}): CloudSettings => ({
  config,
  engine: { scheme: "tcp" },
  credentials: async () => ({}),
  ...more,
});
const urls = (config: ProviderConfig, machines: readonly Machine[] = [machine, other]) =>
  toHosts("gce", machines, settings(config), {}).map(({ url }) => url);

const [first, second] = ["tcp://10.0.0.1:2375", "tcp://10.1.0.2:2375"];

test.each<[string, ProviderConfig, readonly string[]]>([
  ["takes all without filters", {}, [first, second]],
  ["goes by regions", { regions: ["us-east1"] }, [second]],
  ["goes by labels", { labels: { role: "docker" } }, [first]],
  ["wants all labels", { labels: { role: "docker", Name: "two" } }, []],
  ["goes by tags", { tags: ["web"] }, [first]],
  ["takes names of labels for tags", { tags: ["role"] }, [first]],
  ["does not take what every object has for a label", { tags: ["constructor"] }, []],
  [
    "takes the interface by number, of those that have it",
    { nic: "1" },
    ["tcp://192.168.7.1:2375"],
  ],
  ["takes the interface by name", { nic: "nic0" }, [first, second]],
  ["takes any address in a network", { subnet: "192.168.0.0/16" }, ["tcp://192.168.7.1:2375"]],
  ["takes addresses of version 6", { subnet: "fd00::/8" }, ["tcp://[fd00::1]:2375"]],
  ["takes public addresses", { publicAddress: true }, ["tcp://198.51.100.7:2375"]],
])("toHosts() %s", (_what, config, want) => {
  expect(urls(config)).toEqual(want);
});

test.each<[string, ProviderConfig, string]>([
  ["when no machine has the interface", { nic: "eth9" }, "Cannot reach any of 2 machines of gce"],
  ["when no machine is in the network", { subnet: "172.16.0.0/12" }, "none has an address"],
  ["for a network that is none", { subnet: "10.0.0.0/40" }, "want a network such as 10.0.0.0/8"],
])("toHosts() says so %s", (_what, config, message) => {
  expect(() => urls(config)).toThrow(message);
});

test("toHosts() labels Nodes by where and what they are", () => {
  const [host] = toHosts("gce", [machine], settings({}), {});
  expect(host?.labels).toEqual({
    "topology.kubernetes.io/region": "europe-west1",
    "topology.kubernetes.io/zone": "europe-west1-b",
    "node.kubernetes.io/instance-type": "e2-small",
  });
});

test.each<[string, Partial<CloudSettings>, Credentials, object]>([
  [
    "TLS by certificates of the Secret",
    { engine: {} },
    certificates,
    { url: "tcp://10.0.0.1:2376", tls: { ca: "CA", cert: "CERT", key: "KEY" } },
  ],
  [
    "TLS by certificates of the agent",
    { engine: { scheme: "tls", port: 2400 }, certDir: "/certs" },
    {},
    { url: "tcp://10.0.0.1:2400", certDir: "/certs" },
  ],
  [
    "ssh by the login of the Secret",
    { engine: { scheme: "ssh", user: "ops" } },
    { known_hosts: "HOSTS", "ssh-privatekey": "KEY" },
    { url: "ssh://ops@10.0.0.1:22", ssh: { knownHosts: "HOSTS", privateKey: "KEY" } },
  ],
  [
    "ssh by the login of the agent",
    { engine: { scheme: "ssh" }, ssh: { knownHosts: "OWN" } },
    {},
    { url: "ssh://root@10.0.0.1:22", ssh: { knownHosts: "OWN" } },
  ],
])("toHosts() reaches engines by %s", (_what, more, secret, want) => {
  expect(toHosts("gce", [machine], settings({}, more), secret)[0]).toMatchObject(want);
});

test.each<[string, CloudSettings["engine"], string]>([
  ["certificates", {}, "has no ca.pem, cert.pem and key.pem"],
  ["known hosts", { scheme: "ssh" }, "has no known_hosts"],
])("toHosts() names missing %s", (_what, engine, message) => {
  expect(() => toHosts("gce", [machine], settings({}, { engine }), {})).toThrow(message);
});
