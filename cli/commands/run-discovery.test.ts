import { expect, test } from "vitest";
import { providerNames } from "../../agent/discovery/drivers.ts";
import { discoveryFlags } from "../start-flags.ts";
import { discoveryOf } from "./run-discovery.ts";

const { signal } = new AbortController();
const read = async () => ({});

async function namesOf(
  flags: Parameters<typeof discoveryOf>[0],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { providers, drivers } = await discoveryOf(flags, env, signal);
  expect(providers).toEqual([]);
  return (drivers?.({ provider: "gce" }, read) ?? []).map(({ name }) => name);
}

test("discoveryOf() goes by the Beacon, unless a flag says otherwise", async () => {
  expect(await namesOf({})).toEqual(["gce"]);
  expect(await namesOf({ provider: "azure" })).toEqual(["azure"]);
  expect(await namesOf({ hosts: "hosts.yaml" })).toEqual(["config"]);
  expect(await namesOf({ provider: "auto" }, { DOCKER_HOST: "unix:///a" })).toEqual(["local"]);
});

test.each([
  [{ docker: ["unix:///a"], hosts: "hosts.yaml" }, "--docker excludes --provider and --hosts"],
  [{ provider: "aws" }, 'Cannot use provider "aws"'],
])("discoveryOf() refuses %j", async (flags, message) => {
  await expect(discoveryOf(flags, {}, signal)).rejects.toThrow(message);
});

test("--provider takes the names that drivers have", () => {
  const offered = discoveryFlags.find(({ long }) => long === "provider")?.choices;
  expect(offered).toEqual(providerNames);
});
