import { equalJson } from "../../machinery/equality.ts";
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { subdomainProblems } from "../../machinery/names.ts";
import type { Causes } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** What a certificate may be for; in this order messages list them. */
const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

const minSeconds = 600;

const verdicts: ReadonlySet<string> = new Set(["Approved", "Denied"]);

function usageCauses(spec: JsonObject): Causes {
  const list = Array.isArray(spec["usages"]) ? (spec["usages"] as readonly unknown[]) : [];
  if (list.length === 0) return [requiredValue("spec.usages")];
  return list.flatMap((usage, index) => {
    const path = `spec.usages[${index}]`;
    if (!usages.some((known) => known === usage)) return [unsupportedValue(path, usage, usages)];
    return list.indexOf(usage) === index ? [] : [duplicateValue(path, usage)];
  });
}

function signerCauses(signerName: string): Causes {
  const path = "spec.signerName";
  if (signerName === "") return [requiredValue(path)];
  const [domain = "", name = "", ...rest] = signerName.split("/");
  if (rest.length > 0 || name === "" || !domain.includes(".")) {
    const wanted =
      "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(path, signerName, wanted)];
  }
  return [domain, name].flatMap((part) =>
    subdomainProblems(part).map((problem) => invalidValue(path, part, problem)),
  );
}

const requestPattern =
  /^-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*$/;

function pemCauses(request: string): Causes {
  if (request === "") return [requiredValue("spec.request")];
  const pem = Buffer.from(request, "base64").toString("latin1");
  if (requestPattern.test(pem)) return [];
  return [invalidValue("spec.request", request, "PEM block type must be 'CERTIFICATE REQUEST'")];
}

function durationCauses({ expirationSeconds: seconds }: JsonObject): Causes {
  if (typeof seconds !== "number" || seconds >= minSeconds) return [];
  const why = "may not specify a duration less than 600 seconds (10 minutes)";
  return [invalidValue("spec.expirationSeconds", seconds, why)];
}

function conditionCauses(status: JsonObject | undefined): Causes {
  const seen = new Set<string>();
  return objectsIn(status, "conditions").flatMap((condition, index) => {
    const path = `status.conditions[${index}]`;
    const [type, state] = [textIn(condition, "type"), textIn(condition, "status")];
    const twice = seen.has(type);
    seen.add(type);
    if (type === "") return [requiredValue(`${path}.type`)];
    if (twice) return [duplicateValue(`${path}.type`, type)];
    if (verdicts.has(type) && [...seen].filter((one) => verdicts.has(one)).length > 1) {
      const why = "Approved and Denied conditions are mutually exclusive";
      return [invalidValue(`${path}.type`, type, why)];
    }
    if (state === "") return [requiredValue(`${path}.status`)];
    const final = verdicts.has(type) || type === "Failed";
    return final && state !== "True" ? [unsupportedValue(`${path}.status`, state, ["True"])] : [];
  });
}

/** What is wrong with a request and with what came of it. */
export function requestCauses(request: Body, before?: AnyObject): Causes {
  const spec = objectIn(request, "spec") ?? {};
  const fresh = before === undefined;
  return [
    ...(fresh ? pemCauses(textIn(spec, "request")) : []),
    ...(fresh ? usageCauses(spec) : []),
    ...(fresh ? signerCauses(textIn(spec, "signerName")) : []),
    ...(fresh ? durationCauses(spec) : []),
    ...conditionCauses(objectIn(request, "status")),
  ];
}

const ofType = (object: Body | AnyObject, type: string): JsonObject | undefined =>
  objectsIn(objectIn(object, "status"), "conditions").find((one) => textIn(one, "type") === type);

/** What is wrong with a verdict: one that was given stays, and nothing else may change with it. */
export function approvalCauses(request: Body, before: AnyObject): Causes {
  const path = "status.conditions";
  const gone = objectsIn(objectIn(before, "status"), "conditions")
    .map((condition) => textIn(condition, "type"))
    .filter((type) => ofType(request, type) === undefined)
    .map((type) => forbiddenValue(path, `updates may not remove a condition of type "${type}"`));
  const others = objectsIn(objectIn(request, "status"), "conditions")
    .map((condition) => textIn(condition, "type"))
    .filter((type) => !verdicts.has(type))
    .filter((type) => !equalJson(ofType(request, type), ofType(before, type)))
    .map((type) => forbiddenValue(path, `updates may not add a condition of type "${type}"`));
  return [...gone, ...others, ...conditionCauses(objectIn(request, "status"))];
}
