import type { Clock } from "../../machinery/clock.ts";
import { invalid, isConflict, type StatusCause } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject, itemOf } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import { rbacGroup } from "../authz/policy.ts";
import type { Body, Kinds } from "../kinds/kind.ts";
import { newUid } from "../objects/call.ts";
import { nameCauses } from "../objects/metadata.ts";
import type { Storage } from "../objects/storage.ts";
import { keyOf, userCollection } from "./collections.ts";
import { passwordProblem } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import { bindingsFinalizer } from "./user-admission.ts";
import { asUser } from "./users.ts";

/** What the first administrator tells of itself. */
export type FirstUser = {
  readonly name: string;
  readonly email: string;
  readonly password: string;
};

/** What making it needs. */
export type FirstUserOptions = {
  readonly storage: Storage;
  readonly kinds: Kinds;
  readonly clock: Pick<Clock, "nowMs">;
  readonly passwords: Passwords;
};

/** A User that can be stored. @throws StatusError `Invalid` that lists what is wrong */
export function draftFirstUser(
  { kinds, clock }: FirstUserOptions,
  { name, email, password }: FirstUser,
): AnyObject {
  const { group, plural } = userCollection;
  const kind = kinds.find(group, "v1", plural);
  if (kind === undefined) throw new Error("Cannot make a User: the kind is not served");
  const metadata = {
    name,
    uid: newUid(),
    creationTimestamp: formatTime(clock.nowMs()),
    generation: 1,
    finalizers: [bindingsFinalizer],
  };
  const object: Body = { apiVersion: `${group}/v1`, kind: "User", metadata, spec: { email } };
  kind.strategy.setDefaults(object);
  const problem = passwordProblem(password, { name, email });
  const ofPassword: readonly StatusCause[] =
    problem === undefined
      ? []
      : [
          {
            reason: "FieldValueInvalid",
            message: `Invalid value: "<redacted>": ${problem}`,
            field: "password",
          },
        ];
  const causes = [
    ...nameCauses(metadata, kind.nameProblems),
    ...kind.strategy.validate(object),
    ...ofPassword,
  ];
  if (causes.length > 0) throw invalid(kind, name, causes);
  return object as unknown as AnyObject;
}

function bindingOf({ metadata: { name } }: AnyObject, nowMs: number): Body {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: {
      name: `lighthouse:first-user:${name}`,
      uid: newUid(),
      creationTimestamp: formatTime(nowMs),
    },
    subjects: [{ kind: "User", apiGroup: rbacGroup, name }],
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: "cluster-admin" },
  };
}

/** Stores the first User with its password, bound to `cluster-admin`. The User comes last: until it is there,
 * the next start shows a new link. */
export async function makeFirstUser(
  { storage, clock, passwords }: FirstUserOptions,
  object: AnyObject,
  password: string,
): Promise<void> {
  const binding = bindingOf(object, clock.nowMs());
  const bindings = { group: rbacGroup, plural: "clusterrolebindings" };
  await create(storage, storeKey(bindings, { name: binding.metadata.name ?? "" }), binding);
  await passwords.set(asUser(object), password);
  await create(storage, keyOf.user(object.metadata.name), object);
}

async function create({ store, cache }: Storage, key: string, object: Body | AnyObject) {
  const value = encodeObject(object);
  try {
    cache.wrote(itemOf(key, value, await store.put(key, value, 0)));
  } catch (err) {
    if (!isConflict(err)) throw err; // left by an attempt that did not come to its end
  }
}
