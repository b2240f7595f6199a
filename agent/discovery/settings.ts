import type { Client } from "../../api/client/client.ts";
import { StatusError } from "../../api/machinery/errors.ts";
import { secrets } from "../../api/machinery/resources.ts";
import type { BeaconSpec } from "../../crds/types.gen.ts";

/** The part of a Beacon's spec that discovery goes by. */
export type DiscoverySpec = Pick<
  BeaconSpec,
  "provider" | "providerConfig" | "engine" | "interval" | "credentialsRef" | "vanished"
>;

/** Texts of a Secret by their keys; empty when the Beacon names none. */
export type Credentials = Readonly<Record<string, string>>;

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** A duration of a Beacon such as `90s` in milliseconds; `otherwise` for an absent one. */
export function durationMs(text: string | undefined, otherwise: number): number {
  const [, count, unit] = /^([0-9]+)([smh])$/.exec(text ?? "") ?? [];
  return count === undefined ? otherwise : Number(count) * (unitMs[unit ?? ""] ?? 0);
}

/** What discovery goes by, for telling whether it changed. */
export function discoverySpecOf(spec: BeaconSpec): DiscoverySpec {
  const { provider, providerConfig, engine, interval, credentialsRef, vanished } = spec;
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(providerConfig === undefined ? {} : { providerConfig }),
    ...(engine === undefined ? {} : { engine }),
    ...(interval === undefined ? {} : { interval }),
    ...(credentialsRef === undefined ? {} : { credentialsRef }),
    ...(vanished === undefined ? {} : { vanished }),
  };
}

/**
 * The Secret of `spec.credentialsRef` as it is now, so that a rotated one counts at the next look.
 * @throws StatusError `NotFound` naming the Secret when it is absent
 */
export async function readCredentials(
  client: Client,
  { credentialsRef }: DiscoverySpec,
  signal: AbortSignal,
): Promise<Credentials> {
  if (credentialsRef === undefined) return {};
  const secret = await client.get(secrets, credentialsRef, signal);
  if (secret === undefined) {
    const { namespace, name } = credentialsRef;
    throw new StatusError(
      "NotFound",
      `Cannot read credentials: Secret ${namespace}/${name} of spec.credentialsRef is not there; ` +
        `create it, or correct the reference`,
    );
  }
  const texts = Object.entries(secret.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const,
  );
  return Object.fromEntries(texts);
}
