import type { AnyObject } from "../../machinery/object.ts";
import {
  type ApplicationOwner,
  bindingOf,
  type PolicyRule,
  type RoleBinding,
  type RoleRef,
  rulesIn,
} from "./policy.ts";
import type { Subject } from "./policy.ts";

/** A binding as it concerns one of its subjects. */
export type Grant = { readonly binding: RoleBinding; readonly subject: Subject };

/** The four RBAC kinds, by plural. */
export type RbacPlural = "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings";

/** Grants by subject: a user's key is `u:` and the name, a group's `g:` and the name. */
type BySubject = Map<string, Grant[]>;

/** How a subject is found: ServiceAccounts are users with a long name. */
function subjectKey({ kind, name, namespace }: Subject): string {
  if (kind === "Group") return `g:${name}`;
  return kind === "User" ? `u:${name}` : `u:system:serviceaccount:${namespace}:${name}`;
}

const objectKey = (plural: RbacPlural, namespace: string, name: string): string =>
  `${plural} ${namespace}/${name}`;

const nothing: readonly Grant[] = [];

/** Whether the very Application is there that an owner reference in this namespace names. */
export type Lives = (namespace: string, owner: ApplicationOwner) => boolean;

/**
 * All RBAC objects, arranged so that a request asks only the bindings of its user. Holds no more
 * than what it was told; telling is idempotent.
 */
export class RbacIndex {
  /** By `plural namespace/name`; the same for bindings. */
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  readonly #bindings = new Map<string, RoleBinding>();
  /** By namespace; that of ClusterRoleBindings is empty. */
  readonly #grants = new Map<string, BySubject>();
  readonly #lives: Lives;
  #revision = 0;

  /** `lives` is asked of bindings that belong to an Application; default: none of them does. */
  constructor(lives: Lives = () => false) {
    this.#lives = lives;
  }

  /** Another number after each change: what was derived from an earlier one is out of date. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes in the newest state of an object. */
  set(plural: RbacPlural, object: AnyObject): void {
    this.#revision += 1;
    const { name, namespace = "" } = object.metadata;
    const own = objectKey(plural, namespace, name);
    if (plural === "roles" || plural === "clusterroles") {
      this.#roles.set(own, rulesIn(object));
      return;
    }
    this.#removeBinding(own);
    const binding = bindingOf(object);
    this.#bindings.set(own, binding);
    const grants = this.#grants.get(namespace) ?? new Map<string, Grant[]>();
    this.#grants.set(namespace, grants);
    for (const subject of binding.subjects) {
      const key = subjectKey(subject);
      const list = grants.get(key);
      if (list === undefined) grants.set(key, [{ binding, subject }]);
      else list.push({ binding, subject });
    }
  }

  /** Forgets an object that was deleted. */
  delete(plural: RbacPlural, { metadata: { name, namespace = "" } }: AnyObject): void {
    this.#revision += 1;
    const key = objectKey(plural, namespace, name);
    if (plural === "roles" || plural === "clusterroles") this.#roles.delete(key);
    else this.#removeBinding(key);
  }

  /** Forgets all objects of a kind. */
  clear(plural: RbacPlural): void {
    this.#revision += 1;
    const mine = (key: string): boolean => key.startsWith(`${plural} `);
    for (const key of [...this.#roles.keys()].filter(mine)) this.#roles.delete(key);
    for (const key of [...this.#bindings.keys()].filter(mine)) this.#removeBinding(key);
  }

  /** What is bound to a user's name in a namespace; cluster-wide if that is empty. */
  ofUser(name: string, namespace: string): readonly Grant[] {
    return this.#grants.get(namespace)?.get(`u:${name}`) ?? nothing;
  }

  /** What is bound to a group in a namespace; cluster-wide if that is empty. */
  ofGroup(name: string, namespace: string): readonly Grant[] {
    return this.#grants.get(namespace)?.get(`g:${name}`) ?? nothing;
  }

  /** The rules of a role; `undefined` when there is no such role. */
  rulesOf({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#roles.get(
      kind === "Role" ? objectKey("roles", namespace, name) : objectKey("clusterroles", "", name),
    );
  }

  /** `false`: its Application is gone, or another one by now. The collector is not waited for. */
  holds({ owners, namespace }: RoleBinding): boolean {
    return owners?.some((owner) => this.#lives(namespace, owner)) ?? true;
  }

  #removeBinding(key: string): void {
    const binding = this.#bindings.get(key);
    if (binding === undefined) return;
    this.#bindings.delete(key);
    const grants = this.#grants.get(binding.namespace);
    for (const subject of binding.subjects) {
      const subjects = subjectKey(subject);
      const rest = (grants?.get(subjects) ?? []).filter((grant) => grant.binding !== binding);
      if (rest.length === 0) grants?.delete(subjects);
      else grants?.set(subjects, rest);
    }
    if (grants?.size === 0) this.#grants.delete(binding.namespace);
  }
}
