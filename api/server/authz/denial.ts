import { forbidden, StatusError } from "../../machinery/errors.ts";
import type { User } from "../access.ts";
import type { RequestInfo } from "../objects/request-info.ts";

/** Why a request is refused, in the words of Kubernetes: scripts and people look for them. */
export function denial({ name: user }: User, { verb, path, resource }: RequestInfo): string {
  if (resource === undefined) return `User "${user}" cannot ${verb} path "${path}"`;
  const { group, plural, subresource, namespace } = resource;
  const what = subresource === "" ? plural : `${plural}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return `User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`;
}

/** The 403 for a user that is known and may not; `reason` is the authorizer's, if it gave one. */
export function refusal(user: User, request: RequestInfo, reason?: string): StatusError {
  const why = denial(user, request) + (reason === undefined ? "" : `: ${reason}`);
  const { resource } = request;
  if (resource === undefined) return new StatusError("Forbidden", `forbidden: ${why}`);
  return forbidden(resource, resource.name, why);
}
