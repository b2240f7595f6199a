import { defaultPodSecurity, type PodSecuritySettings } from "./pod-security/settings.ts";

/** What administrators decide about admission, for all namespaces at once. */
export type AdmissionSettings = {
  readonly podSecurity: PodSecuritySettings;
};

/** What holds without a file. */
export const defaultAdmission: AdmissionSettings = { podSecurity: defaultPodSecurity };
