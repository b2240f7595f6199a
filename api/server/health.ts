import type { FastifyInstance, FastifyReply } from "fastify";
import { notFound } from "../machinery/errors.ts";

/** One thing that must work. Rejects or throws with the reason why it does not. */
export type HealthCheck = {
  /** As it stands in `/readyz/NAME`, e.g. `store`. */
  readonly name: string;
  /** Part of `/livez` too: its failure is cured by a restart of the process. */
  readonly live?: boolean;
  check(): Promise<void>;
};

type Result = { readonly name: string; readonly error?: unknown };

/** Always passes: shows that the server answers at all. */
const ping: HealthCheck = { name: "ping", live: true, check: () => Promise.resolve() };

async function runCheck(one: HealthCheck): Promise<Result> {
  const { name } = one;
  try {
    await one.check();
    return { name };
  } catch (error) {
    return { name, error };
  }
}

/** Kubernetes' verbose form: the reasons stay in the log, probes are public. */
function verboseText(endpoint: string, results: readonly Result[]): string {
  const lines = results.map(({ name, error }) =>
    error === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
  );
  const passed = results.every(({ error }) => error === undefined);
  return `${[...lines, `${endpoint} check ${passed ? "passed" : "failed"}`].join("\n")}\n`;
}

type Parameters = {
  Params: { readonly "*"?: string };
  Querystring: { readonly verbose?: string; readonly exclude?: string | string[] };
};

/** Serves one endpoint and each of its checks by name. */
function serve(app: FastifyInstance, endpoint: string, checks: readonly HealthCheck[]): void {
  const answer = async (
    reply: FastifyReply,
    chosen: readonly HealthCheck[],
    verbose: boolean,
  ): Promise<FastifyReply> => {
    const results = await Promise.all(chosen.map(runCheck));
    const failed = results.filter(({ error }) => error !== undefined);
    for (const { name, error } of failed) {
      reply.log.warn({ err: error, check: name }, "health check failed");
    }
    void reply.type("text/plain; charset=utf-8").header("x-content-type-options", "nosniff");
    if (failed.length > 0) return reply.code(500).send(verboseText(endpoint, results));
    return reply.send(verbose ? verboseText(endpoint, results) : "ok");
  };
  app.get<Parameters>(`/${endpoint}`, ({ query }, reply) => {
    const excluded = [query.exclude ?? []].flat();
    const chosen = checks.filter(({ name }) => !excluded.includes(name));
    return answer(reply, chosen, query.verbose !== undefined);
  });
  app.get<Parameters>(`/${endpoint}/*`, ({ params, query }, reply) => {
    const name = params["*"] ?? "";
    const chosen = checks.filter((check) => check.name === name);
    if (chosen.length === 0) throw notFound({ group: "", plural: `${endpoint} checks` }, name);
    return answer(reply, chosen, query.verbose !== undefined);
  });
}

/**
 * Serves `/livez`, `/readyz` and `/healthz` with `?verbose`, `?exclude=` and one path per check,
 * in Kubernetes' text form. They answer to everybody, HEAD included.
 */
export function serveHealth(app: FastifyInstance, checks: readonly HealthCheck[]): void {
  const all = [ping, ...checks];
  serve(
    app,
    "livez",
    all.filter(({ live }) => live === true),
  );
  serve(app, "readyz", all);
  serve(app, "healthz", all);
}
