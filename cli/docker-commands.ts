import type { Command } from "./command.ts";
import { shells } from "./docker/environment.ts";
import { connectionFlags } from "./program.ts";

const server = connectionFlags.filter(({ long }) => long !== "namespace");

/** The commands that bring the stock docker command to a Node. */
export const dockerCommands: readonly Command[] = [
  {
    name: "docker",
    args: "NODE -- ARG...",
    summary: "Run the stock docker command on the Docker host of a Node",
    examples: [
      ["lighthouse docker host-1 -- ps", "What runs there"],
      ["lighthouse docker host-1 -- run --rm -it alpine sh", "A container of your own, at hand"],
      ["lighthouse docker host-1 -- build -t app .", "Build there from this directory"],
    ],
    flags: server,
    completes: "node",
    load: async () => (await import("./commands/docker.ts")).runDocker,
  },
  {
    name: "docker-env",
    args: "NODE",
    summary: "Print what a shell needs so that docker speaks to the Docker host of a Node",
    examples: [
      ['eval "$(lighthouse docker-env host-1)"', "From now on docker and compose work there"],
      ['eval "$(lighthouse docker-env --unset host-1)"', "And back"],
      ["lighthouse docker-env --shell fish host-1 | source", "With fish"],
    ],
    flags: [
      {
        long: "shell",
        value: "SHELL",
        choices: shells,
        about: "words of bash, fish or powershell",
      },
      { long: "unset", about: "take it back, and end the forwarder of the Node if there is one" },
      ...server,
    ],
    completes: "node",
    load: async () => (await import("./commands/docker-env.ts")).runDockerEnv,
  },
  {
    name: "__docker-forward",
    args: "NODE SOCKET",
    summary: "Stand for the Docker host of a Node on a local socket",
    examples: [],
    flags: server,
    load: async () => (await import("./commands/docker-forward.ts")).runDockerForward,
  },
];
