import { nodes } from "../../api/machinery/resources.ts";
import { isNotFound } from "../../api/machinery/errors.ts";
import { annotation } from "../../crds/labels.ts";
import type { Run } from "../command.ts";

/** Where the API server looks whether new Nodes are held, see api/server/backup/hold.ts. */
const holdPath = "/api/v1/namespaces/lighthouse-system/configmaps/restored";

/** `lighthouse restore release [NODE...]`. */
export const runRestoreRelease: Run = async (call) => {
  const { client } = await call.connect();
  if (call.args.length === 0) {
    // First: a Node that registers meanwhile must not be held any more.
    const answer = await client
      .raw({ method: "DELETE", path: holdPath }, call.signal)
      .catch((err: unknown) => {
        if (!isNotFound(err)) throw err;
      });
    if (answer !== undefined) for await (const _ of answer.body); // read to its end
  }
  const { items } = await client.list(nodes, {}, call.signal);
  const unknown = call.args.filter((name) => !items.some(({ metadata }) => metadata.name === name));
  if (unknown.length > 0)
    throw new Error(`Cannot release ${unknown.join(", ")}: there is no such Node`);
  const isHeld = (name: string): boolean =>
    items.some(
      ({ metadata }) =>
        metadata.name === name && metadata.annotations?.[annotation.holdUnknown] !== undefined,
    );
  const wanted = call.args.length > 0 ? call.args : items.map(({ metadata }) => metadata.name);
  for (const name of wanted) {
    if (!isHeld(name)) {
      if (call.args.length > 0) call.io.out(`node/${name} is not held\n`);
      continue;
    }
    const body = { metadata: { annotations: { [annotation.holdUnknown]: null } } };
    await client.patch(nodes, { name }, { type: "merge", body });
    call.io.out(`node/${name} released\n`);
  }
  return 0;
};
