import { applications } from "../api/machinery/resources.ts";
import type { Application } from "../crds/types.gen.ts";
import { type Call, Misuse } from "./command.ts";

/** The Application that the one positional argument names: `web`, `app/web` or `application/web`.
 * @throws Misuse */
export function applicationName(args: readonly string[]): string {
  const [target, ...more] = args;
  if (target === undefined || more.length > 0)
    throw new Misuse("Give one APPLICATION, e.g. app/web");
  const [type = "", name] = target.includes("/") ? target.split("/") : ["app", target];
  if (!["app", "application", "applications"].includes(type) || name === undefined || name === "") {
    throw new Misuse(`Rollouts are of Applications: write app/NAME instead of "${target}"`);
  }
  return name;
}

/** Reads the Application of the command line. @throws Error when there is none of that name */
export async function getApplication(call: Call): Promise<Application> {
  const { client, namespace } = await call.connect();
  const name = applicationName(call.args);
  const app = await client.get(applications, { namespace, name }, call.signal);
  if (app === undefined) {
    throw new Error(`Application "${name}" not found in namespace ${namespace}`);
  }
  return app;
}
