import { expect, test } from "vitest";
import { crds } from "../../crds/crds.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { openDrivers, providerNames, toProviderName } from "./drivers.ts";
import type { DiscoverySpec } from "./settings.ts";

const options = { clock: manualClock(), hostsFile: "/etc/lighthouse/hosts.yaml" };
const namesOf = (spec: DiscoverySpec, more: Partial<Parameters<typeof openDrivers>[0]> = {}) =>
  openDrivers({ ...options, ...more })(spec, async () => ({})).map(({ name }) => name);
const inOrder = ["gce", "digitalocean", "ec2", "azure", "config", "local"];

test("openDrivers() asks clouds first, then the file, then the machine itself", () => {
  expect(namesOf({})).toEqual(inOrder);
  expect(namesOf({ provider: "auto" })).toEqual(inOrder);
});

test.each(inOrder)("openDrivers() opens %s alone when it is named", (name) => {
  expect(namesOf({ provider: toProviderName(name) })).toEqual([name]);
});

test("openDrivers() goes by the flag before the Beacon, and by DOCKER_HOST before a guess", () => {
  expect(namesOf({ provider: "gce" }, { provider: "config" })).toEqual(["config"]);
  expect(namesOf({}, { isDockerHostSet: true })).toEqual(["local"]);
  expect(namesOf({ provider: "gce" }, { isDockerHostSet: true })).toEqual(["gce"]);
});

test("toProviderName() names what there is", () => {
  expect(() => toProviderName("aws")).toThrow('Cannot use provider "aws": want one of auto, gce');
});

test("the schema of a Beacon knows the same providers", () => {
  const beacon = crds.find(({ spec }) => spec.names.kind === "Beacon");
  const text = JSON.stringify(beacon?.spec.versions[0]?.schema);
  const [, listed] = /"provider":\{[^}]*"enum":\[([^\]]*)\]/.exec(text) ?? [];
  const names = (listed ?? "").replaceAll('"', "").split(",");
  expect(names.toSorted()).toEqual(providerNames.toSorted());
});
