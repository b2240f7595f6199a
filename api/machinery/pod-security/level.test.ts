import { expect, test } from "vitest";
import { levelText, type PodSecurityPolicy, policyOf } from "./level.ts";

const baseline = { level: "baseline", minor: Infinity } as const;
const privileged = { level: "privileged", minor: Infinity } as const;
const defaults: PodSecurityPolicy = { enforce: baseline, audit: privileged, warn: privileged };
const label = (name: string): string => `pod-security.kubernetes.io/${name}`;

function shown(labels: Readonly<Record<string, string>>): readonly string[] {
  const { enforce, audit, warn } = policyOf(labels, defaults).policy;
  return [enforce, audit, warn].map(levelText);
}

test("policyOf() is the default where labels say nothing", () => {
  expect(shown({})).toEqual(["baseline:latest", "privileged:latest", "privileged:latest"]);
});

test("policyOf() reads each mode, and warns of what is enforced", () => {
  const strict = { [label("enforce")]: "restricted", [label("enforce-version")]: "v1.27" };
  expect(shown(strict)).toEqual(["restricted:v1.27", "privileged:latest", "restricted:v1.27"]);
  const told = { ...strict, [label("warn")]: "baseline", [label("audit")]: "baseline" };
  expect(shown(told)).toEqual(["restricted:v1.27", "baseline:latest", "baseline:latest"]);
});

test("policyOf() is strict where it cannot read a label, and says which", () => {
  const { policy, problems } = policyOf(
    { [label("enforce")]: "priviledged", [label("warn-version")]: "1.27" },
    defaults,
  );
  expect(levelText(policy.enforce)).toBe("restricted:latest");
  expect(problems).toEqual([
    {
      label: label("enforce"),
      value: "priviledged",
      why: "must be one of privileged, baseline, restricted",
    },
    { label: label("warn-version"), value: "1.27", why: 'must be "latest" or "v1.x"' },
  ]);
});
