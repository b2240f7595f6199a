import type { Clock } from "../../machinery/clock.ts";
import type { Storage } from "../objects/storage.ts";
import type { Admission } from "./chain.ts";
import { eventRateLimit } from "./events/rate-limit.ts";
import { imageAdmission } from "./images/admission.ts";
import { podSecurity } from "./pod-security/admission.ts";
import { policyAdmission } from "./policies/admission.ts";
import { type PolicyWriteParts, policyWriteAdmission } from "./policies/write.ts";
import type { AdmissionSettings } from "./settings.ts";

/** What administrators have decided with, by file, label, annotation or policy. */
export type ConfiguredParts = Omit<PolicyWriteParts, "storage"> & {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  readonly settings: AdmissionSettings;
};

/** What people may write is bounded by: the built-in rules first, then the policies that people wrote. */
export function configuredAdmission(parts: ConfiguredParts): readonly Admission[] {
  const { storage, clock, settings } = parts;
  return [
    podSecurity({ storage, settings: settings.podSecurity }),
    imageAdmission({ storage, settings: settings.images }),
    eventRateLimit(settings.eventLimits, clock),
    policyWriteAdmission(parts),
    policyAdmission(parts),
  ];
}
