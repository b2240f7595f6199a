import { defaultEventLimits, type EventLimit } from "./events/rate-limit.ts";
import { anyImages, type ImageSettings } from "./images/admission.ts";
import { defaultPodSecurity, type PodSecuritySettings } from "./pod-security/settings.ts";

/** What administrators decide about admission, for all namespaces at once. */
export type AdmissionSettings = {
  readonly podSecurity: PodSecuritySettings;
  readonly eventLimits: readonly EventLimit[];
  readonly images: ImageSettings;
};

/** What holds without a file. */
export const defaultAdmission: AdmissionSettings = {
  podSecurity: defaultPodSecurity,
  eventLimits: defaultEventLimits,
  images: anyImages,
};
