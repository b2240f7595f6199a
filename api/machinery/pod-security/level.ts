/** How much a namespace lets its Pods have of the host, the most first. */
export const podSecurityLevels = ["privileged", "baseline", "restricted"] as const;
/** One of {@link podSecurityLevels}. */
export type Level = (typeof podSecurityLevels)[number];

/** A level as a minor version of Kubernetes understood it; `Infinity` is `latest`. */
export type LevelVersion = { readonly level: Level; readonly minor: number };

/** What a namespace refuses, what it puts on record, and what it tells the caller. */
export type PodSecurityPolicy = {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
};

/** The three ways in which a level is applied. */
export const podSecurityModes = ["enforce", "audit", "warn"] as const;
type Mode = (typeof podSecurityModes)[number];

const prefix = "pod-security.kubernetes.io/";

/** A label that says something impossible. */
export type LabelProblem = { readonly label: string; readonly value: string; readonly why: string };

/** A policy, and what is wrong with the labels it was read from. */
export type ReadPolicy = {
  readonly policy: PodSecurityPolicy;
  readonly problems: readonly LabelProblem[];
};

/** Reads `latest` or `v1.N`; `undefined` when it is neither. */
export function parseLevelVersion(text: string): number | undefined {
  if (text === "latest") return Infinity;
  const [, minor] = /^v1\.(0|[1-9]\d{0,3})$/.exec(text) ?? [];
  return minor === undefined ? undefined : Number(minor);
}

/** Whether the text names a level. */
export const isLevel = (text: string): text is Level =>
  podSecurityLevels.some((level) => level === text);

/** What a version that cannot be read must be. */
export const versionRule = 'must be "latest" or "v1.x"';
/** What a level that cannot be read must be. */
export const levelRule = `must be one of ${podSecurityLevels.join(", ")}`;

/** As messages name it, e.g. `restricted:latest` or `baseline:v1.27`. */
export const levelText = ({ level, minor }: LevelVersion): string =>
  `${level}:${minor === Infinity ? "latest" : `v1.${minor}`}`;

/** Negative when `left` lets Pods have more than `right`. */
export const compareLevels = (left: Level, right: Level): number =>
  podSecurityLevels.indexOf(left) - podSecurityLevels.indexOf(right);

type Labels = Readonly<Record<string, string>>;

/**
 * The policy of a namespace by its labels. A level that cannot be read is the strictest where it is
 * enforced, and none where it is only told: as in Kubernetes nothing comes in by a slip of the pen.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function policyOf(labels: Labels, defaults: PodSecurityPolicy): ReadPolicy {
  const problems: LabelProblem[] = [];
  const read = (mode: Mode): LevelVersion => {
    const [levelLabel, versionLabel] = [`${prefix}${mode}`, `${prefix}${mode}-version`];
    let { level, minor } = defaults[mode];
    const [wanted, version] = [labels[levelLabel], labels[versionLabel]];
    if (wanted !== undefined && !isLevel(wanted)) {
      problems.push({ label: levelLabel, value: wanted, why: levelRule });
      level = mode === "enforce" ? "restricted" : "privileged";
    } else if (wanted !== undefined) level = wanted;
    if (version !== undefined) {
      const parsed = parseLevelVersion(version);
      if (parsed === undefined)
        problems.push({ label: versionLabel, value: version, why: versionRule });
      minor = parsed ?? Infinity;
    }
    return { level, minor };
  };
  const [enforce, audit, warn] = [read("enforce"), read("audit"), read("warn")];
  // Who says what is enforced and nothing of warnings is warned of templates that would be refused.
  const isSilent =
    labels[`${prefix}warn`] === undefined && labels[`${prefix}enforce`] !== undefined;
  const isStricter = isSilent && compareLevels(enforce.level, warn.level) > 0;
  return { policy: { enforce, audit, warn: isStricter ? enforce : warn }, problems };
}
