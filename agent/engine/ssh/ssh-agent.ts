import { Agent, type AgentOptions } from "node:http";
import { type Duplex, PassThrough } from "node:stream";
import { inspect } from "node:util";
import type { SshLines } from "./ssh-lines.ts";

/** What the docker CLI runs on a host, too: it hands its input and output to the engine's socket. */
const command = "docker system dial-stdio";

type OnConnection = (err: Error | null, socket: Duplex) => void;

const nowhere = (): Duplex => new PassThrough().destroy();

const brief = (): string => "Agent";

/** HTTP whose connections are commands on a host that is reached by SSH. */
class SshAgent extends Agent {
  // docker-modem formats its options, agents with them, on every call.
  readonly [inspect.custom] = brief;
  readonly #lines: SshLines;

  constructor(lines: SshLines, options: AgentOptions) {
    super(options);
    this.#lines = lines;
  }

  override createConnection(_options: object, done?: OnConnection): undefined {
    // Never rejects: a failure is told to whom the connection was for.
    void this.#connect(done);
  }

  async #connect(done: OnConnection | undefined): Promise<void> {
    const [err, socket] = await this.#lines.run(command).then(
      (opened) => [null, opened] as const,
      // With an error the stream counts for nothing, but its type wants one.
      (why: unknown) => [why instanceof Error ? why : new Error(String(why)), nowhere()] as const,
    );
    done?.(err, socket);
  }
}

/** An agent whose connections go over `lines`. */
export function createSshAgent(lines: SshLines, options: AgentOptions): Agent {
  return new SshAgent(lines, options);
}
