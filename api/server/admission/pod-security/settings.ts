import type { PodSecurityPolicy } from "../../../machinery/pod-security/level.ts";

/** What pod security does where no label of a namespace says otherwise. */
export type PodSecuritySettings = {
  readonly defaults: PodSecurityPolicy;
  /** Who and what is not judged at all. */
  readonly exemptions: {
    /** Names of users who may create Pods of any kind, directly. */
    readonly usernames: readonly string[];
    readonly runtimeClasses: readonly string[];
    readonly namespaces: readonly string[];
  };
};

const latest = Infinity;

/** Baseline everywhere but where Lighthouse runs its own. */
export const defaultPodSecurity: PodSecuritySettings = {
  defaults: {
    enforce: { level: "baseline", minor: latest },
    audit: { level: "privileged", minor: latest },
    warn: { level: "privileged", minor: latest },
  },
  exemptions: {
    usernames: [],
    runtimeClasses: [],
    namespaces: ["kube-system", "lighthouse-system"],
  },
};
