// The wording is that of Kubernetes' validation package: people search for these sentences.

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = `${label}(\\.${label})*`;
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${qualified})?`;

type Rule = {
  readonly pattern: string;
  readonly regExp: RegExp;
  readonly maxLength: number;
  readonly says: string;
};

function rule(pattern: string, maxLength: number, says: string, ...examples: string[]): Rule {
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return {
    pattern,
    regExp: new RegExp(`^${pattern}$`),
    maxLength,
    says: `${says} (e.g. ${shown}regex used for validation is '${pattern}')`,
  };
}

const rules = {
  label: rule(
    label,
    63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    "my-name",
    "123-abc",
  ),
  subdomain: rule(
    subdomain,
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    "example.com",
  ),
  rfc1035: rule(
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    "my-name",
    "abc-123",
  ),
  qualified: rule(
    qualified,
    63,
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "MyName",
    "my.name",
    "123-abc",
  ),
  labelValue: rule(
    labelValue,
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "MyValue",
    "my_value",
    "12345",
  ),
};

function problems({ regExp, maxLength, says }: Rule, text: string): string[] {
  const tooLong = text.length > maxLength ? [`must be no more than ${maxLength} characters`] : [];
  return regExp.test(text) ? tooLong : [...tooLong, says];
}

/** What is wrong with `text` as a DNS label, e.g. a Namespace's name. Empty: nothing. */
export function labelNameProblems(text: string): readonly string[] {
  return problems(rules.label, text);
}

/** What is wrong with `text` as a DNS label that starts with a letter, e.g. a version's name. */
export function rfc1035LabelProblems(text: string): readonly string[] {
  return problems(rules.rfc1035, text);
}

/** What is wrong with `text` as a DNS subdomain, the name of most objects. Empty: nothing. */
export function subdomainProblems(text: string): readonly string[] {
  return problems(rules.subdomain, text);
}

const prefixProblems = (prefix: string): readonly string[] =>
  prefix === "" ? ["must be non-empty"] : subdomainProblems(prefix);

/** What is wrong with `text` as a `prefix/name` key of labels, annotations and finalizers. */
export function qualifiedNameProblems(text: string): readonly string[] {
  const slash = text.indexOf("/");
  if (slash !== text.lastIndexOf("/")) {
    return [
      `a qualified name ${rules.qualified.says} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = text.slice(slash + 1);
  const ofPrefix = slash < 0 ? [] : prefixProblems(text.slice(0, slash));
  const ofName = problems(rules.qualified, name);
  return [
    ...ofPrefix.map((problem) => `prefix part ${problem}`),
    ...(name === "" ? ["name part must be non-empty"] : []),
    ...ofName.map((problem) => `name part ${problem}`),
  ];
}

/** What is wrong with `text` as the value of a label. Empty: nothing. */
export function labelValueProblems(text: string): readonly string[] {
  return problems(rules.labelValue, text);
}

/** No vowels, so that no word appears, and no digits that look like letters. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const maxNameLength = 63;

/** How many random bytes {@link generatedName} takes. */
export const generatedNameBytes = suffixLength;

/**
 * A name for an object that was created with `generateName`: the base, cut so that the whole is
 * at most 63 characters, and five characters made of `random`.
 */
export function generatedName(base: string, random: Uint8Array): string {
  const suffix = Array.from(random.subarray(0, suffixLength), (byte) =>
    alphabet.charAt(byte % alphabet.length),
  );
  return base.slice(0, maxNameLength - suffixLength) + suffix.join("");
}

/** Characters in a {@link shortHash}: 27^10 values, about 47 bits. */
const hashLength = 10;

/**
 * Ten characters that depend on nothing but `text` (64-bit FNV-1a). For names that must be
 * functions of their parent; not for secrets, as a collision can be searched for.
 */
export function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  let out = "";
  for (let rest = hash; out.length < hashLength; rest /= BigInt(alphabet.length)) {
    out += alphabet.charAt(Number(rest % BigInt(alphabet.length)));
  }
  return out;
}

/**
 * `parts` joined by `-` when that fits `maxLength`; else its beginning and a hash of the whole,
 * so that two long names with the same beginning stay apart.
 */
export function joinedName(parts: readonly (string | number)[], maxLength = maxNameLength): string {
  const whole = parts.join("-");
  if (whole.length <= maxLength) return whole;
  const head = whole.slice(0, maxLength - hashLength - 1).replace(/[-.]+$/, "");
  return `${head}-${shortHash(whole)}`;
}
