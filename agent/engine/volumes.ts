import type { Volumes } from "./engine.ts";
import type { Doing } from "./errors.ts";
import type { Parts } from "./parts.ts";
import { segment } from "./transport.ts";

/** The volume verbs over HTTP. */
export function createVolumes({ transport, deadlines }: Parts): Volumes {
  return {
    async remove(name, signal) {
      const doing: Doing = { action: `remove volume ${name}`, kind: "volumes", name };
      const path = `/volumes/${segment(name)}`;
      const deadlineMs = deadlines.changeMs;
      await transport.json({
        method: "DELETE",
        path,
        doing,
        deadlineMs,
        signal,
        mayBeAbsent: true,
      });
    },
  };
}
