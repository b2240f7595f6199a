import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { providerConformance } from "../../test/conformance/provider.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { configProvider } from "./config.ts";
import { parseHostsFile } from "./hosts-file.ts";

async function makeDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), "hosts-"));
}

const url = (number: number): string => `tcp://10.0.0.${number}:2375`;

providerConformance("config", { faults: ["refuse", "garbage"], twice: "refused" }, async () => {
  const dir = await makeDir();
  const path = join(dir, "hosts.yaml");
  let text = "hosts: []\n";
  await writeFile(path, text);
  return {
    provider: configProvider({ path, clock: systemClock }),
    hold: async (numbers) => {
      text = JSON.stringify({ hosts: numbers.map((number) => ({ url: url(number) })) });
      await writeFile(path, text);
    },
    url,
    break: (fault) => (fault === "refuse" ? rm(path) : writeFile(path, "hosts:\n  - url: [\n")),
    mend: () => writeFile(path, text),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
});

const parse = (text: string) =>
  parseHostsFile({
    path: "/etc/lighthouse/hosts.yaml",
    text,
    provider: "config",
    readText: (path) => {
      if (path.startsWith("/nowhere")) throw new Error(`Cannot read ${path}: ENOENT`);
      return `text of ${path}`;
    },
  });

test("parseHostsFile() takes everything that a host may have", () => {
  const text = `
hosts:
  - url: unix:///var/run/docker.sock
    name: alpha
    labels: { topology.kubernetes.io/zone: cellar, disk: ssd }
    taints:
      - { key: gpu, value: "yes", effect: NoSchedule }
  - url: tcp://10.0.0.7:2376
    tls: /certs
  - url: ssh://ops@10.0.0.9
    ssh: { key: /etc/lighthouse/id, knownHosts: /etc/lighthouse/known_hosts }
`;
  expect(parse(text)).toEqual([
    {
      url: "unix:///var/run/docker.sock",
      provider: "config",
      name: "alpha",
      labels: { "topology.kubernetes.io/zone": "cellar", disk: "ssd" },
      taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }],
    },
    {
      url: "tcp://10.0.0.7:2376",
      provider: "config",
      labels: {},
      tls: {
        ca: "text of /certs/ca.pem",
        cert: "text of /certs/cert.pem",
        key: "text of /certs/key.pem",
      },
    },
    {
      url: "ssh://ops@10.0.0.9",
      provider: "config",
      labels: {},
      ssh: {
        privateKey: "text of /etc/lighthouse/id",
        knownHosts: "text of /etc/lighthouse/known_hosts",
      },
    },
  ]);
});

test.each([
  ["no YAML", "hosts:\n  - url: [\n", /line 3: /],
  ["no list", "hosts: 5\n", /line 1: hosts: .*expected array/],
  [
    "an unknown field",
    "hosts:\n  - url: unix:///a\n    colour: red\n",
    /line 3: hosts\[0\]\.colour/,
  ],
  ["a host without a URL", "hosts:\n  - name: a\n", /line 2: hosts\[0\]\.url/],
  ["a URL that is none", "hosts:\n\n  - url: gopher://a\n", /line 3: hosts\[0\]\.url: Cannot use/],
  [
    "a shell in a URL",
    'hosts:\n  - url: "ssh://ops@a;reboot"\n    ssh: { knownHosts: /k }\n',
    /line 2: hosts\[0\]\.url: Cannot use/,
  ],
  ["a wrong label", 'hosts:\n  - url: unix:///a\n    labels: { a: "b c" }\n', /line 3: /],
  [
    "a label of ours",
    "hosts:\n  - url: unix:///a\n    labels: { lighthouse.dev/beacon: b }\n",
    /line 3: .*may not set labels of this domain/,
  ],
  [
    "a taint of the node controller",
    "hosts:\n  - url: unix:///a\n    taints:\n      - { key: node.kubernetes.io/x, effect: NoExecute }\n",
    /line 4: .*set by the node controller/,
  ],
  [
    "a wrong effect",
    "hosts:\n  - url: unix:///a\n    taints:\n      - { key: a, effect: Never }\n",
    /line 4: hosts\[0\]\.taints\[0\]\.effect/,
  ],
  [
    "one host twice",
    "hosts:\n  - url: unix:///a\n  - url: unix:///a\n",
    /line 3: hosts\[1\]\.url: "unix:\/\/\/a" stands at line 2/,
  ],
  [
    "certificates that are not there",
    "hosts:\n  - url: tcp://10.0.0.1:2376\n    tls: /nowhere\n",
    /line 2: hosts\[0\]\.url: Cannot read \/nowhere\/ca\.pem/,
  ],
])("parseHostsFile() names the line of %s", (_what, text, message) => {
  expect(() => parse(text)).toThrow(message);
  expect(() => parse(text)).toThrow(/^Cannot use \/etc\/lighthouse\/hosts\.yaml: /);
});

test("configProvider() tells of an edit, and of another file put in its place", async () => {
  const dir = await makeDir();
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, "hosts.yaml");
  await writeFile(path, "hosts: []\n");
  const end = new AbortController();
  let changes = 0;
  const provider = configProvider({ path, clock: systemClock });
  const watching = (async () => {
    for await (const _change of provider.changes?.(end.signal) ?? []) changes += 1;
  })();
  await eventually("an edit is told", async () => {
    await writeFile(path, `hosts: []\n# ${changes}\n`); // the watch begins at an unknown time
    return changes > 0;
  });
  const before = changes;
  await writeFile(join(dir, "next"), "hosts: []\n");
  await rename(join(dir, "next"), path);
  await eventually("the other file is told", () => changes > before);
  end.abort();
  await watching;
});
