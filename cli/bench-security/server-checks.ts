import { type Check, none, type Verdict } from "./check.ts";
import type { Facts, FileFact } from "./facts.ts";

const dayMs = 86_400_000;

const modeText = ({ path, mode }: FileFact): string => `${path} is ${mode.toString(8)}`;

function files(
  { files: all }: Facts,
  holds: FileFact["holds"],
  most: number,
  fine: string,
): Verdict | undefined {
  const seen = all?.filter((file) => file.holds === holds);
  if (seen === undefined || seen.length === 0) return undefined; // of nothing, all are fine
  return none(seen.filter(({ mode }) => (mode & ~most) !== 0).map(modeText), fine);
}

/** Values of a flag of the servers on this machine. */
function flagsOf({ processes }: Facts, flag: string): readonly string[] {
  return (processes ?? []).flatMap((args) =>
    args.flatMap((arg, index) => {
      if (arg.startsWith(`--${flag}=`)) return [arg.slice(flag.length + 3)];
      return arg === `--${flag}` ? [args[index + 1] ?? ""] : [];
    }),
  );
}

/** What the certificate is called that the listener shows. */
export const servingName = "serving certificate";

function withinDays({ certificates, nowMs }: Facts, days: number): readonly string[] | undefined {
  const isKnown = [...(certificates?.values() ?? [])].every(Number.isFinite);
  if (certificates?.has(servingName) !== true || !isKnown) return undefined;
  return [...certificates]
    .filter(([, endMs]) => endMs < nowMs + days * dayMs)
    .map(([name, endMs]) => `${name} ends ${new Date(endMs).toISOString().slice(0, 10)}`);
}

/** Files, listener, audit and store of a server. */
export const serverChecks: readonly Check[] = [
  {
    id: "LH-1.1",
    cis: ["1.1.13", "1.1.15", "1.1.17", "1.1.21", "4.1.5"],
    title: "Keys, kubeconfigs and logs are readable by their owner alone",
    remedy: "chmod -R go= DATA-DIR/pki DATA-DIR/audit DATA-DIR/kubeconfig",
    judge: (facts) => files(facts, "secret", 0o600, "all are 600 or stricter"),
  },
  {
    id: "LH-1.2",
    cis: ["1.1.20", "4.1.7"],
    title: "Certificates can be changed by their owner alone",
    remedy: "chmod 644 DATA-DIR/pki/*.crt DATA-DIR/pki/*.pub",
    judge: (facts) => files(facts, "public", 0o644, "all are 644 or stricter"),
  },
  {
    id: "LH-1.3",
    cis: ["1.1.11"],
    title: "Folders of data, keys and logs can be entered by their owner alone",
    remedy: "chmod 700 DATA-DIR DATA-DIR/pki DATA-DIR/store DATA-DIR/audit",
    judge: (facts) => files(facts, "folder", 0o700, "all are 700 or stricter"),
  },
  {
    id: "LH-1.4",
    cis: ["1.1.12", "1.1.14", "1.1.16", "1.1.18", "1.1.19", "4.1.6", "4.1.8"],
    title: "All files of the server belong to who runs it",
    remedy: 'chown -R "$(stat -c %u DATA-DIR)" DATA-DIR',
    judge({ files: all, owner }) {
      if (all === undefined || owner === undefined) return undefined;
      const foreign = all.filter(({ uid }) => uid !== owner && uid !== 0);
      return none(
        foreign.map(({ path, uid }) => `${path} belongs to user ${uid}`),
        `all belong to user ${owner}`,
      );
    },
  },
  {
    id: "LH-2.1",
    cis: ["1.2.1", "4.2.1"],
    title: "Requests without credentials are refused",
    remedy:
      "kubectl delete clusterrolebinding NAME  # of system:anonymous or system:unauthenticated",
    judge: ({ anonymousCode: code }) =>
      code === undefined
        ? undefined
        : none(code === 401 ? [] : [`a list of Namespaces was answered ${code}`], "answered 401"),
  },
  {
    id: "LH-2.2",
    cis: ["1.2.29", "4.2.12"],
    title: "Only TLS 1.2 and newer are spoken",
    remedy:
      "lighthouse up  # of this version: older ones of TLS cannot be switched on; look for a proxy",
    judge({ protocols }) {
      if (protocols === undefined) return undefined;
      const old = protocols.filter((one) => one === "TLSv1" || one === "TLSv1.1");
      return none(old, `accepts ${protocols.join(", ")}`);
    },
  },
  {
    id: "LH-2.3",
    cis: ["1.2.24", "1.2.25", "4.2.9", "4.2.10"],
    title: "No certificate of the server ends within 14 days",
    remedy: "systemctl restart lighthouse  # certificates of its own are renewed at the start",
    judge(facts) {
      const ending = withinDays(facts, 14);
      return ending === undefined ? undefined : none(ending, "none ends so soon");
    },
  },
  {
    id: "LH-2.4",
    cis: ["1.2.25"],
    title: "The authority lasts for more than a year",
    remedy: "lighthouse ca rotate",
    judge({ certificates, nowMs }) {
      const endMs = certificates?.get("authority");
      if (endMs === undefined) return undefined;
      const evidence = `ends ${new Date(endMs).toISOString().slice(0, 10)}`;
      return { outcome: endMs < nowMs + 365 * dayMs ? "WARN" : "PASS", evidence };
    },
  },
  {
    id: "LH-3.1",
    cis: ["1.2.16", "3.2.1"],
    title: "Requests are recorded, in a chain that is signed",
    remedy: "lighthouse audit --since 5m",
    judge({ audit }) {
      if (audit === undefined) return undefined;
      const wrong = [
        ...(audit.vouches ? [] : ["the server vouches for no log"]),
        ...(audit.records
          ? []
          : ["the request of this check is not in it: the policy leaves it out"]),
      ];
      return none(wrong, "the request of this check is in it");
    },
  },
  {
    id: "LH-3.2",
    cis: ["1.2.17", "1.2.18", "1.2.19"],
    title: "Logs are kept for 30 days, ten files of 100 MiB at least",
    remedy:
      "lighthouse server --audit-log-maxage 30 --audit-log-maxbackup 10 --audit-log-maxsize 100",
    judge(facts) {
      if (facts.processes === undefined || facts.processes.length === 0) return undefined;
      const least = { maxage: 30, maxbackup: 10, maxsize: 100 };
      const small = Object.entries(least).flatMap(([name, wanted]) =>
        flagsOf(facts, `audit-log-${name}`)
          .filter((value) => Number(value) < wanted && !(name === "maxage" && value === "0"))
          .map((value) => `--audit-log-${name} is ${value}`),
      );
      return none(small, "as by default, or more");
    },
  },
  {
    id: "LH-3.3",
    cis: ["3.2.2"],
    title: "The audit policy covers secrets, sessions in containers and changes",
    remedy: "lighthouse server  # without --audit-policy: the default covers them",
    judge(facts) {
      if (facts.processes === undefined || facts.processes.length === 0) return undefined;
      const own = flagsOf(facts, "audit-policy");
      if (own.length === 0) return { outcome: "PASS", evidence: "the default" };
      return { outcome: "MANUAL", evidence: `read ${own.join(", ")}` };
    },
  },
  {
    id: "LH-4.1",
    cis: ["1.2.27", "1.2.28"],
    title: "Secrets are encrypted in the store",
    remedy: "lighthouse encryption status",
    judge({ encryption }) {
      if (encryption === undefined) return undefined;
      const { plain, unreadable } = encryption;
      const wrong = [
        ...(plain > 0 ? [`${plain} values are not encrypted`] : []),
        ...(unreadable > 0 ? [`${unreadable} values cannot be read`] : []),
      ];
      return none(wrong, "all that must be is encrypted");
    },
  },
  {
    id: "LH-4.2",
    cis: ["1.2.28"],
    title: "The key that encrypts is younger than a year",
    remedy: "lighthouse encryption rotate",
    judge({ encryption, nowMs }) {
      if (encryption === undefined) return undefined;
      const days = Math.floor((nowMs - encryption.newestKeyMs) / dayMs);
      return { outcome: days > 365 ? "WARN" : "PASS", evidence: `made ${days} days ago` };
    },
  },
  {
    id: "LH-4.3",
    cis: ["1.2.23", "1.2.26", "2.1", "2.2", "2.7"],
    title: "etcd is reached over TLS, with a client certificate",
    remedy:
      "lighthouse server --store etcds://HOST:2379 --etcd-cafile FILE --etcd-certfile FILE --etcd-keyfile FILE",
    judge(facts) {
      if (facts.processes === undefined || facts.processes.length === 0) return undefined;
      const etcd = flagsOf(facts, "store").filter((url) => url.startsWith("etcd"));
      if (etcd.length === 0) return { outcome: "PASS", evidence: "the store is embedded" };
      const wrong = etcd.flatMap((url) => etcdProblem(facts, url) ?? []);
      return none(wrong, "with both");
    },
  },
];

/** Files may stand in the URL or have flags of their own. */
function etcdProblem(facts: Facts, url: string): string | undefined {
  const has = (option: string, flag: string): boolean =>
    new RegExp(`[?&]${option}=.`).test(url) || flagsOf(facts, flag).length > 0;
  const where = withoutPassword(url);
  if (!has("ca", "etcd-cafile") && !url.startsWith("etcds:")) return `${where} is without TLS`;
  return has("cert", "etcd-certfile") ? undefined : `${where} has no client certificate`;
}

/** Evidence is read by many. */
const withoutPassword = (url: string): string => url.replace(/\/\/[^@/]*@/, "//REDACTED@");
