import type { Flag } from "./command.ts";

/** Objects that a server begins with. */
export const startWith: Flag = {
  long: "manifests",
  value: "PATH",
  about: "file or folder of objects to apply at the start; may be repeated",
  repeatable: true,
  completes: "file",
};

/** How an agent finds its hosts. */
export const discoveryFlags: readonly Flag[] = [
  {
    long: "provider",
    value: "NAME",
    choices: ["auto", "gce", "digitalocean", "ec2", "azure", "config", "local"],
    about: "how to find hosts, whatever the Beacon says",
  },
  {
    long: "hosts",
    value: "FILE",
    about: "file of hosts, watched; means --provider config (default: /etc/lighthouse/hosts.yaml)",
    completes: "file",
  },
];

/** What an agent reaches ports of containers on other machines with. */
export const relayProgram: Flag = {
  long: "relay-program",
  value: "FILE",
  about:
    "static busybox that is brought to engines on other machines (default: $LIGHTHOUSE_RELAY_PROGRAM, else /bin/busybox)",
  completes: "file",
};
