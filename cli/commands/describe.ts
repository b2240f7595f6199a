import { stringify } from "yaml";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import type { AnyObject } from "../../api/machinery/object.ts";
import { applications, nodes, pods } from "../../api/machinery/resources.ts";
import type { Application } from "../../crds/types.gen.ts";
import { type Call, Misuse, type Run } from "../command.ts";
import { describeApplication } from "../describe-application.ts";
import { eventRows, podRows, section } from "../describe-parts.ts";
import { namedBy } from "../kinds.ts";

/** Any other kind: the object as YAML without bookkeeping, its Pods if it is a Node, its events. */
async function describeOther(call: Call, type: ResourceType, object: AnyObject): Promise<string> {
  const { client } = await call.connect();
  const { managedFields: _, ...metadata } = object.metadata;
  const parts = [
    stringify({ ...object, metadata }, { version: "1.1", aliasDuplicateObjects: false }),
  ];
  if (type.plural === nodes.plural && type.group === "") {
    const fieldSelector = `spec.nodeName=${metadata.name}`;
    const { items } = await client.list(pods, { fieldSelector }, call.signal);
    parts.push(section("Pods", podRows(call, items)));
  }
  parts.push(section("Events", await eventRows(call, metadata.uid, metadata.namespace)));
  return parts.join("");
}

/** `lighthouse describe`. */
export const runDescribe: Run = async (call) => {
  const session = await call.connect();
  const named = await namedBy(session, call.args);
  let first = true;
  for (const { type, name } of named) {
    if (name === undefined) throw new Misuse(`Missing NAME: which of the ${type.plural}`);
    const key = type.namespaced ? { namespace: session.namespace, name } : { name };
    const object = await session.client.get<AnyObject>(type, key, call.signal);
    if (object === undefined) throw new Error(`${type.kind} "${name}" not found`);
    if (!first) call.io.out("\n\n");
    first = false;
    const isApplication = type.plural === applications.plural && type.group === applications.group;
    call.io.out(
      isApplication
        ? await describeApplication(call, object as unknown as Application)
        : await describeOther(call, type, object),
    );
  }
  return 0;
};
