import { auditFlags } from "./audit-commands.ts";
import type { Command, Flag } from "./command.ts";
import { joinFlags } from "./join-commands.ts";
import {
  discoveryFlags,
  encryptionKeys,
  etcdFlags,
  externalTlsFlags,
  oidcFlags,
  relayProgram,
  startWith,
} from "./start-flags.ts";

const listen: Flag = {
  long: "listen",
  value: "HOST:PORT",
  about: "where the API is served (default: 127.0.0.1:6443)",
};
const servingName: Flag = {
  long: "name",
  value: "NAME",
  repeatable: true,
  about: "another DNS name or IP address that clients use, for the certificate; repeatable",
};
/** Where the objects are. */
export const store: Flag = {
  long: "store",
  value: "URL",
  about:
    "lmdb:///DIR, or etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...] (default: under --data-dir)",
};
/** Where all that outlives the process is. */
export const dataDir: Flag = {
  long: "data-dir",
  value: "DIR",
  about: "keys, certificates and the embedded store (default: ~/.local/share/lighthouse)",
  completes: "file",
};
const admissionConfig: Flag = {
  long: "admission-config",
  value: "FILE",
  about: "pod security, event limits, image policy: an AdmissionConfiguration (default: baseline)",
  completes: "file",
};
const tokenIssuer: Flag = {
  long: "token-issuer",
  value: "URL",
  about: "where others verify ServiceAccount tokens (default: https://kubernetes.default.svc)",
};
const noSetupLink: Flag = {
  long: "no-setup-link",
  about: "show no link to the first user; the kubeconfig makes users, too",
};
const ownBeacon: Flag = {
  long: "beacon",
  value: "NAME",
  about: "beacon of this machine's agent (default: as at the last start, else the host's name)",
};
const docker: Flag = {
  long: "docker",
  value: "URL",
  repeatable: true,
  about: "Docker Engine: unix:///PATH, tcp://HOST:PORT; repeatable (default: as the docker CLI)",
};
const logLevel: Flag = {
  long: "log-level",
  value: "LEVEL",
  choices: ["debug", "info", "warn", "error"],
  about: "how much goes to standard error (default: info)",
};
const kubeconfigOut: Flag = {
  long: "kubeconfig",
  value: "FILE",
  about: "where to write the admin's kubeconfig (default: DATA-DIR/kubeconfig)",
  completes: "file",
};
const kubeconfigIn: Flag = {
  long: "kubeconfig",
  value: "FILE",
  about: "kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)",
  completes: "file",
};

/** What runs until it is told to end. */
export const daemonCommands: readonly Command[] = [
  {
    name: "up",
    args: "",
    summary: "Run everything in the foreground: API server, store, controllers and agent",
    examples: [
      ["lighthouse up", "The local Docker, data under ~/.local/share/lighthouse"],
      [
        "lighthouse up --data-dir ./data --listen 127.0.0.1:7443 --docker unix:///run/docker.sock",
        "All said",
      ],
    ],
    flags: [
      dataDir,
      listen,
      servingName,
      docker,
      store,
      ...etcdFlags,
      ...externalTlsFlags,
      encryptionKeys,
      kubeconfigOut,
      ...auditFlags,
      admissionConfig,
      tokenIssuer,
      noSetupLink,
      ...oidcFlags,
      startWith,
      ownBeacon,
      { long: "simulate", about: "no Docker: an engine inside the process, for a look around" },
      { ...logLevel, about: "how much goes to standard error (default: warn)" },
    ],
    load: async () => (await import("./commands/up.ts")).runUp,
  },
  {
    name: "server",
    args: "",
    summary: "Run the API server alone",
    examples: [
      ["lighthouse server --store etcd://127.0.0.1:2379", "On an etcd cluster"],
      [
        "lighthouse server --listen 10.0.0.1:6443 --name lighthouse.example.com",
        "Behind a name that several servers share",
      ],
    ],
    flags: [
      dataDir,
      listen,
      servingName,
      store,
      ...etcdFlags,
      ...externalTlsFlags,
      encryptionKeys,
      kubeconfigOut,
      ...auditFlags,
      admissionConfig,
      tokenIssuer,
      noSetupLink,
      ...oidcFlags,
      startWith,
      {
        ...ownBeacon,
        about:
          "beacon that DATA-DIR/pki/agent.kubeconfig is for (default: as at the last start, else the host's name)",
      },
      logLevel,
    ],
    load: async () => (await import("./commands/run-server.ts")).runServerCommand,
  },
  {
    name: "controllers",
    args: "",
    summary: "Run the controllers alone; several compete for a lease",
    examples: [
      [
        "lighthouse controllers --kubeconfig controllers.kubeconfig",
        "With what the server wrote for them",
      ],
    ],
    flags: [kubeconfigIn, { long: "context", value: "NAME", about: "context to use" }, logLevel],
    load: async () => (await import("./commands/run-controllers.ts")).runControllersCommand,
  },
  {
    name: "agent",
    args: "",
    summary: "Run the agent of one network: it runs Pods on the Docker hosts that it finds",
    examples: [
      [
        "lighthouse agent --join 'lighthouse://HOST:6443?token=...&ca=sha256:...'",
        'Join with what "lighthouse token create" printed; later runs need no link',
      ],
      [
        "lighthouse agent --kubeconfig agent.kubeconfig",
        "The hosts that its Beacon says, else the local one",
      ],
      ["lighthouse agent --hosts hosts.yaml", "The hosts of a file, which may change"],
      ["lighthouse agent --provider gce", "All machines of the project"],
    ],
    flags: [
      ...joinFlags,
      kubeconfigIn,
      { long: "context", value: "NAME", about: "context to use" },
      docker,
      ...discoveryFlags,
      {
        long: "beacon",
        value: "NAME",
        about: "name of this beacon (default: that of the credentials, else the host's)",
      },
      relayProgram,
      logLevel,
    ],
    load: async () => (await import("./commands/run-agent.ts")).runAgentCommand,
  },
];
