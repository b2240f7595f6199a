import type { Caller } from "../../tunnel/node-link.ts";
import type { Reply, Request } from "../http.ts";

/**
 * Who asks, and by which right, as an agent is told and checks again. To be called for requests that were
 * authorised; those of no resource name none.
 */
export function callerOf(
  { user, info }: Pick<Request, "user" | "info">,
  { raw }: Pick<Reply, "raw">,
): Caller {
  const { plural = "", subresource = "", namespace = "", name = "" } = info.resource ?? {};
  const auditId = raw.getHeader("audit-id");
  return {
    user: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    verb: info.verb,
    resource: subresource === "" ? plural : `${plural}/${subresource}`,
    ...(namespace === "" ? {} : { namespace }),
    ...(name === "" ? {} : { name }),
    auditId: typeof auditId === "string" ? auditId : "",
  };
}
