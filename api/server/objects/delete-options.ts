import { badRequest, invalid } from "../../machinery/errors.ts";
import { invalidValue, unsupportedValue } from "../../machinery/field-causes.ts";
import type { Call } from "./call.ts";

/** What becomes of dependents. */
export type Policy = "Background" | "Foreground" | "Orphan";

/** meta/v1 DeleteOptions, as far as they mean something here. */
export type DeleteOptions = {
  readonly gracePeriodSeconds: number | undefined;
  readonly policy: Policy | undefined;
  /** Preconditions: delete only this incarnation, and only this version of it. */
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
};

type RawOptions = {
  readonly gracePeriodSeconds?: unknown;
  readonly propagationPolicy?: unknown;
  readonly orphanDependents?: unknown;
  readonly preconditions?: { readonly uid?: unknown; readonly resourceVersion?: unknown } | null;
  readonly dryRun?: unknown;
};

const policies: readonly Policy[] = ["Background", "Foreground", "Orphan"];
const optionsKind = { group: "meta.k8s.io", kind: "DeleteOptions" };

/** Reads the body; the query counts only without one. @throws StatusError `BadRequest`, `Invalid` */
export function readDeleteOptions(call: Call): DeleteOptions {
  const raw = (call.rawBody?.length ?? 0) === 0 ? fromQuery(call) : call.body().value;
  if (typeof raw !== "object" || raw === null) throw badRequest("Cannot read DeleteOptions");
  const { gracePeriodSeconds, preconditions, dryRun }: RawOptions = raw;
  return {
    gracePeriodSeconds: readGrace(gracePeriodSeconds ?? undefined),
    policy: readPolicy(raw),
    uid: textOf(preconditions?.uid),
    resourceVersion: textOf(preconditions?.resourceVersion),
    dryRun: readDryRun(dryRun),
  };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

function readGrace(value: unknown): number | undefined {
  if (value === undefined || (typeof value === "number" && Number.isInteger(value))) return value;
  throw badRequest("Cannot read DeleteOptions: gracePeriodSeconds must be an integer");
}

function fromQuery({ query }: Call): RawOptions {
  const grace = query.get("gracePeriodSeconds");
  const dryRun = query.get("dryRun");
  const orphan = query.get("orphanDependents");
  return {
    propagationPolicy: query.get("propagationPolicy"),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(dryRun === undefined || dryRun === "" ? {} : { dryRun: [dryRun] }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan === "true" }),
  };
}

function readDryRun(dryRun: unknown): boolean {
  if (dryRun === undefined || dryRun === null) return false;
  if (!Array.isArray(dryRun) || dryRun.some((value) => value !== "All")) {
    throw invalid(optionsKind, "", [unsupportedValue("dryRun", dryRun, ["All"])]);
  }
  return dryRun.length > 0;
}

function readPolicy({ propagationPolicy, orphanDependents }: RawOptions): Policy | undefined {
  const policy = propagationPolicy ?? undefined;
  const orphan = orphanDependents ?? undefined;
  if (policy !== undefined && orphan !== undefined) {
    const why = "orphanDependents and deletionPropagation cannot be both set";
    throw invalid(optionsKind, "", [invalidValue("propagationPolicy", policy, why)]);
  }
  if (orphan !== undefined) return orphan === true ? "Orphan" : "Background";
  if (policy === undefined) return undefined;
  const known = policies.find((candidate) => candidate === policy);
  if (known !== undefined) return known;
  throw invalid(optionsKind, "", [unsupportedValue("propagationPolicy", policy, policies)]);
}
