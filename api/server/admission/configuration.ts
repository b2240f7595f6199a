import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { allowedImageProblem } from "../../machinery/images/image-policy.ts";
import {
  isLevel,
  levelRule,
  type LevelVersion,
  parseLevelVersion,
  podSecurityLevels,
  type PodSecurityPolicy,
  versionRule,
} from "../../machinery/pod-security/level.ts";
import { limitTypes } from "./events/rate-limit.ts";
import { defaultPodSecurity } from "./pod-security/settings.ts";
import { type AdmissionSettings, defaultAdmission } from "./settings.ts";

const names = z.array(z.string().min(1)).default([]);
const level = z.string().refine(isLevel, levelRule).optional();
const version = z
  .string()
  .refine((text) => parseLevelVersion(text) !== undefined, versionRule)
  .optional();

const podSecurity = z.strictObject({
  apiVersion: z.enum([
    "pod-security.admission.config.k8s.io/v1",
    "pod-security.admission.config.k8s.io/v1beta1",
  ]),
  kind: z.literal("PodSecurityConfiguration"),
  defaults: z
    .strictObject({
      enforce: level,
      "enforce-version": version,
      audit: level,
      "audit-version": version,
      warn: level,
      "warn-version": version,
    })
    .default({}),
  exemptions: z
    .strictObject({ usernames: names, runtimeClasses: names, namespaces: names })
    .optional(),
});

const count = z.number().int().min(1);
const eventRateLimit = z.strictObject({
  apiVersion: z.literal("eventratelimit.admission.k8s.io/v1alpha1"),
  kind: z.literal("Configuration"),
  limits: z
    .array(
      z.strictObject({
        type: z.enum(limitTypes),
        qps: count,
        burst: count,
        cacheSize: count.max(1_000_000).default(4_096),
      }),
    )
    .min(1),
});

const imagePolicy = z.strictObject({
  apiVersion: z.literal("lighthouse.dev/v1"),
  kind: z.literal("ImagePolicyConfiguration"),
  allowed: z
    .array(
      z.string().superRefine((rule, context) => {
        const problem = allowedImageProblem(rule);
        if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
      }),
    )
    .optional(),
  requireDigest: z.boolean().default(false),
  exemptNamespaces: names,
});

const file = z.strictObject({
  apiVersion: z.literal("apiserver.config.k8s.io/v1"),
  kind: z.literal("AdmissionConfiguration"),
  plugins: z.array(
    z
      .strictObject({
        name: z.string(),
        path: z.string().min(1).optional(),
        configuration: z.unknown().optional(),
      })
      .refine(
        ({ path, configuration }) => (path === undefined) !== (configuration === undefined),
        "exactly one of path and configuration must be set",
      ),
  ),
});

function levelsOf({ defaults }: z.infer<typeof podSecurity>): PodSecurityPolicy {
  const read = (mode: "audit" | "enforce" | "warn"): LevelVersion => {
    const known = defaultPodSecurity.defaults[mode];
    const given = podSecurityLevels.find((one) => one === defaults[mode]);
    const text = defaults[`${mode}-version`];
    return {
      level: given ?? known.level,
      minor: (text === undefined ? undefined : parseLevelVersion(text)) ?? known.minor,
    };
  };
  return { enforce: read("enforce"), audit: read("audit"), warn: read("warn") };
}

/** Parses one plug-in's configuration. */
type Plugin = (read: <T>(schema: z.ZodType<T>) => T) => Partial<AdmissionSettings>;

const plugins: Readonly<Record<string, Plugin>> = {
  PodSecurity(read) {
    const given = read(podSecurity);
    const { exemptions = defaultPodSecurity.exemptions } = given;
    return { podSecurity: { defaults: levelsOf(given), exemptions } };
  },
  EventRateLimit: (read) => ({ eventLimits: read(eventRateLimit).limits }),
  ImagePolicy(read) {
    const { allowed, requireDigest, exemptNamespaces } = read(imagePolicy);
    const list = allowed === undefined ? {} : { allowed };
    return { images: { requireDigest, exemptNamespaces, ...list } };
  },
};

function yamlOf(text: string, where: string): unknown {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw new Error(`Cannot read ${where}: ${broken.message}`);
  return document.toJS({ maxAliasCount: 100 });
}

/** Checks a value. @throws Error that lists every wrong field */
function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const { data, error } = schema.safeParse(value);
  if (error !== undefined) throw new Error(`Cannot use ${where}:\n${z.prettifyError(error)}`);
  return data;
}

async function textOf(path: string, where: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot read ${where}: ${why}`, { cause });
  }
}

/**
 * Reads what administrators decide about admission: an AdmissionConfiguration of
 * `apiserver.config.k8s.io/v1`. Plug-ins that it does not name do what they do without a file.
 * @throws Error that names the file, the plug-in and every wrong field
 */
export async function readAdmissionConfiguration(path: string): Promise<AdmissionSettings> {
  const where = `the admission configuration ${path}`;
  const { plugins: given } = checked(file, yamlOf(await textOf(path, where), where), where);
  let settings = defaultAdmission;
  const seen = new Set<string>();
  for (const { name, path: other, configuration } of given) {
    const plugin = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
    const known = Object.keys(plugins).join(", ");
    if (plugin === undefined)
      throw new Error(`Cannot use ${where}: there is no plug-in "${name}", only ${known}`);
    if (seen.has(name)) throw new Error(`Cannot use ${where}: plug-in ${name} is there twice`);
    seen.add(name);
    const what = `the configuration of plug-in ${name} in ${path}`;
    const file = other === undefined ? undefined : resolve(dirname(path), other);
    const value = file === undefined ? configuration : yamlOf(await textOf(file, what), file);
    settings = { ...settings, ...plugin((schema) => checked(schema, value, what)) };
  }
  return settings;
}
