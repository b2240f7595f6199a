import { badRequest, forbidden } from "../../machinery/errors.ts";
import type { Authenticator, Authorizer, Credentials, User } from "../access.ts";
import { denial } from "../authz/denial.ts";
import type { RequestInfo } from "../objects/request-info.ts";

/** What an `Impersonate-*` header asks to act as: a resource of the virtual kind it stands for. */
type Ask = {
  readonly group: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  /** Key of `userextras`. */
  readonly subresource: string;
};

type Headers = Credentials["headers"];

const extraPrefix = "impersonate-extra-";

function valuesOf(headers: Headers, name: string): readonly string[] {
  const value = headers[name];
  if (value === undefined) return [];
  // HTTP/1.1 joins repeated headers of this kind with a comma and a space.
  return typeof value === "string" ? value.split(", ") : value;
}

function askForUser(name: string): Ask {
  const plain = { group: "", namespace: "", subresource: "" };
  const account = accountOf(name);
  if (account === undefined) return { ...plain, plural: "users", name };
  return { ...plain, plural: "serviceaccounts", namespace: account[0], name: account[1] };
}

/** Namespace and name of a ServiceAccount's user name; `undefined` for any other name. */
function accountOf(name: string): readonly [string, string] | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  return match === null ? undefined : [match[1] ?? "", match[2] ?? ""];
}

/** Keys of extras are percent-encoded; one that is not stands for itself. */
function extraKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // whoever may impersonate it may do so under this name
  }
}

/** The groups a user is in: those asked for, and those that follow from who it is. */
function groupsOf(name: string, asked: readonly string[]): readonly string[] {
  const [namespace, account] = accountOf(name) ?? [];
  const own =
    asked.length === 0 && namespace !== undefined && account !== undefined
      ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`]
      : asked;
  const everybody = name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
  return own.includes(everybody) ? own : [...own, everybody];
}

/** Whether there is any of the headers. Every request is looked at, and nearly none has one. */
function asksForAnother(headers: Headers): boolean {
  for (const name in headers) if (name.startsWith("impersonate-")) return true;
  return false;
}

/** The user that the headers describe, and everything the caller must be allowed for it. */
function readHeaders(headers: Headers): { user: User; asks: readonly Ask[] } | undefined {
  if (!asksForAnother(headers)) return undefined;
  const [name] = valuesOf(headers, "impersonate-user");
  const groups = valuesOf(headers, "impersonate-group");
  const [uid] = valuesOf(headers, "impersonate-uid");
  const extra = Object.keys(headers).filter((header) => header.startsWith(extraPrefix));
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && extra.length === 0) return undefined;
    throw badRequest("Cannot impersonate: Impersonate-User is missing, and other headers need it");
  }
  const virtual = { group: "authentication.k8s.io", namespace: "", subresource: "" };
  const extras = extra.map((header): [string, readonly string[]] => [
    extraKey(header.slice(extraPrefix.length)),
    valuesOf(headers, header),
  ]);
  const asks: Ask[] = [
    askForUser(name),
    ...groups.map((group): Ask => ({ ...virtual, group: "", plural: "groups", name: group })),
    ...(uid === undefined ? [] : [{ ...virtual, plural: "uids", name: uid }]),
    ...extras.flatMap(([key, values]) =>
      values.map((value) => ({ ...virtual, plural: "userextras", subresource: key, name: value })),
    ),
  ];
  const user: User = {
    name,
    groups: groupsOf(name, groups),
    ...(uid === undefined ? {} : { uid }),
    ...(extras.length === 0 ? {} : { extra: Object.fromEntries(extras) }),
  };
  return { user, asks };
}

const requestFor = (ask: Ask): RequestInfo => ({
  verb: "impersonate",
  path: "",
  resource: { ...ask, version: "v1", rest: "" },
});

/**
 * Lets `Impersonate-*` headers replace the user that `inner` found, if that user may `impersonate`
 * each named user, group, uid and extra.
 */
export function withImpersonation(inner: Authenticator, authorizer: Authorizer): Authenticator {
  return {
    async authenticate(credentials) {
      const caller = await inner.authenticate(credentials);
      if (caller === undefined) return undefined;
      const wanted = readHeaders(credentials.headers);
      if (wanted === undefined) return caller;
      credentials.onImpersonation?.(caller);
      for (const ask of wanted.asks) {
        const decision = await authorizer.authorize(caller, requestFor(ask));
        if (!decision.allowed) throw forbidden(ask, ask.name, denial(caller, requestFor(ask)));
      }
      return { ...wanted.user, actor: caller };
    },
  };
}
