import { addedBeyond, seccompBaseline } from "./baseline.ts";
import {
  type AnyContainer,
  type Check,
  containersOf,
  named,
  plural,
  quoted,
  sorted,
  type Subject,
  type Violation,
} from "./check.ts";

function escalation(subject: Subject): Violation | undefined {
  const containers = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (containers.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${named(containers)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

const addable = new Set(["NET_BIND_SERVICE"]);

function capabilities(subject: Subject): Violation | undefined {
  const keeping = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes("ALL") !== true,
  );
  const { containers, added } = addedBeyond(subject, addable);
  const details = [
    ...(keeping.length > 0
      ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(containers.length > 0
      ? [
          `${named(containers)} must not include ${quoted(added)} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  if (details.length === 0) return undefined;
  return { reason: "unrestricted capabilities", detail: details.join("; ") };
}

const allowedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
] as const;

type Volume = NonNullable<Subject["spec"]["volumes"]>[number];

/** The source of a volume; a volume without any is an emptyDir once it is defaulted. */
const typeOf = (volume: Volume): string =>
  Object.entries(volume).find(([field, value]) => field !== "name" && value !== undefined)?.[0] ??
  "unknown";

function volumes({ spec }: Subject): Violation | undefined {
  const bad = (spec.volumes ?? []).filter((volume) =>
    allowedVolumes.every((type) => volume[type] === undefined),
  );
  if (bad.length === 0) return undefined;
  const types = sorted(bad.map(typeOf));
  const who = `${plural("volume", "volumes", bad.length)} ${quoted(bad.map(({ name }) => name))}`;
  const uses = plural("uses", "use", bad.length);
  const what = plural("restricted volume type", "restricted volume types", types.length);
  return { reason: "restricted volume types", detail: `${who} ${uses} ${what} ${quoted(types)}` };
}

const nonRoot = ({ securityContext }: AnyContainer): boolean | undefined =>
  securityContext?.runAsNonRoot;

function runAsNonRoot(subject: Subject): Violation | undefined {
  const ofPod = subject.spec.securityContext?.runAsNonRoot;
  const all = containersOf(subject);
  const rooted = all.filter((container) => nonRoot(container) === false);
  const reason = "runAsNonRoot != true";
  const what = "securityContext.runAsNonRoot";
  if (ofPod === false || rooted.length > 0) {
    const who = [
      ...(ofPod === false ? ["pod"] : []),
      ...(rooted.length > 0 ? [named(rooted)] : []),
    ];
    return { reason, detail: `${who.join(" and ")} must not set ${what}=false` };
  }
  const silent = all.filter((container) => nonRoot(container) === undefined);
  if (ofPod === true || silent.length === 0) return undefined;
  return { reason, detail: `pod or ${named(silent)} must set ${what}=true` };
}

function runAsUser(subject: Subject): Violation | undefined {
  const ofPod = subject.spec.securityContext?.runAsUser === 0;
  const containers = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.runAsUser === 0,
  );
  if (!ofPod && containers.length === 0) return undefined;
  const who = [...(ofPod ? ["pod"] : []), ...(containers.length > 0 ? [named(containers)] : [])];
  return { reason: "runAsUser=0", detail: `${who.join(" and ")} must not set runAsUser=0` };
}

function seccomp(subject: Subject): Violation | undefined {
  const bad = seccompBaseline(subject);
  if (bad !== undefined || subject.spec.securityContext?.seccompProfile !== undefined) return bad;
  const silent = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.seccompProfile === undefined,
  );
  if (silent.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}

/** The controls that the level restricted adds, in the order of Kubernetes' messages. */
export const restrictedChecks: readonly Check[] = [
  { id: "allowPrivilegeEscalation", since: 8, find: escalation },
  { id: "capabilities_restricted", since: 22, find: capabilities },
  { id: "restrictedVolumes", since: 0, find: volumes },
  { id: "runAsNonRoot", since: 0, find: runAsNonRoot },
  { id: "runAsUser", since: 23, find: runAsUser },
  { id: "seccompProfile_restricted", since: 19, find: seccomp },
];
