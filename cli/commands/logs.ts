import { objectPath } from "../../api/machinery/gvk.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { pods } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import { type Call, durationMs, Misuse, type Run, text, wholeNumber } from "../command.ts";
import { paint } from "../output.ts";
import { readLines } from "../read.ts";

function queryOf(call: Call, tail: number | undefined): URLSearchParams {
  const { flags } = call;
  const query = new URLSearchParams();
  const sinceMs = durationMs(flags, "since");
  const container = text(flags, "container");
  if (flags["follow"] === true) query.set("follow", "true");
  if (flags["timestamps"] === true) query.set("timestamps", "true");
  if (flags["previous"] === true) query.set("previous", "true");
  if (tail !== undefined) query.set("tailLines", String(tail));
  if (sinceMs !== undefined) query.set("sinceSeconds", String(Math.max(1, sinceMs / 1000)));
  if (container !== undefined) query.set("container", container);
  return query;
}

async function printPod(
  call: Call,
  key: ObjectKey,
  options: { readonly tail: number | undefined; readonly prefix: string },
): Promise<void> {
  const { client } = await call.connect();
  const query = queryOf(call, options.tail).toString();
  const path = `${objectPath(pods, key, "log")}${query === "" ? "" : `?${query}`}`;
  const { body } = await client.raw({ method: "GET", path, accept: "*/*" }, call.signal);
  if (options.prefix === "") {
    const decoder = new TextDecoder();
    for await (const chunk of body) call.io.out(decoder.decode(chunk, { stream: true }));
    return;
  }
  for await (const line of readLines(body)) call.io.out(`${options.prefix}${line}\n`);
}

async function printApplication(call: Call, name: string): Promise<void> {
  const { client, namespace } = await call.connect();
  const labelSelector = `${label.application}=${name}`;
  const { items } = await client.list(pods, { namespace, labelSelector }, call.signal);
  const running = items.filter(({ status }) => (status?.containerStatuses ?? []).length > 0);
  if (running.length === 0) throw new Error(`Application "${name}" has no container yet`);
  const tail = wholeNumber(call.flags, "tail") ?? 10;
  const follow = call.flags["follow"] === true;
  const print = (pod: (typeof running)[number]): Promise<void> =>
    printPod(
      call,
      { namespace, name: pod.metadata.name },
      {
        tail,
        prefix: paint(call.io, "cyan", `[${pod.metadata.name}] `),
      },
    );
  if (follow) await Promise.all(running.map(print));
  else for (const pod of running) await print(pod);
}

/** `lighthouse logs`. */
export const runLogs: Run = async (call) => {
  const [target, ...more] = call.args;
  if (target === undefined || more.length > 0) throw new Misuse("Give one POD or app/NAME");
  const [type, name] = target.includes("/") ? target.split("/") : ["pod", target];
  if (name === undefined || name === "") throw new Misuse(`Missing name in "${target}"`);
  if (["app", "application", "applications"].includes(type ?? "")) {
    await printApplication(call, name);
    return 0;
  }
  if (!["pod", "po", "pods"].includes(type ?? "")) {
    throw new Misuse(`Logs are of a POD or app/NAME, not of "${target}"`);
  }
  const { namespace } = await call.connect();
  const tail = wholeNumber(call.flags, "tail");
  await printPod(call, { namespace, name }, { tail, prefix: "" });
  return 0;
};
