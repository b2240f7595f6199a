import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import type { Body } from "../kinds/kind.ts";
import { newUid } from "../objects/call.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import {
  type BootstrapObject,
  bootstrapObjects,
  type RetiredObject,
  retiredObjects,
} from "./bootstrap.ts";
import { isKeptUpToDate, leadsElsewhere, mergedBootstrap } from "./bootstrap-merge.ts";
import { rbacGroup } from "./policy.ts";

type Parts = { readonly storage: Storage; readonly clock: Pick<Clock, "nowMs"> };

/**
 * Creates the roles and bindings that a fresh store lacks, brings older ones up to date, and takes away
 * what former versions granted and this one does not.
 */
export async function fillRbac(parts: Parts): Promise<void> {
  await Promise.all([
    ...bootstrapObjects().map((bootstrap) => ensure(parts, bootstrap)),
    ...retiredObjects.map((retired) => retire(parts, retired)),
  ]);
}

async function retire({ storage }: Parts, { plural, ...key }: RetiredObject): Promise<void> {
  const storedAt = storeKey({ group: rbacGroup, plural }, key);
  const found = await readItem(storage, storedAt);
  if (found === undefined || !isKeptUpToDate(found.object)) return;
  try {
    await storage.store.delete(storedAt, found.at);
  } catch (err) {
    if (!isConflict(err)) throw err; // another server of the same store was faster
  }
}

async function ensure(parts: Parts, bootstrap: BootstrapObject): Promise<void> {
  const { storage } = parts;
  const { name = "", namespace } = bootstrap.object.metadata;
  const type = { group: rbacGroup, plural: bootstrap.plural };
  const key = storeKey(type, namespace === undefined ? { name } : { namespace, name });
  const found = await readItem(storage, key);
  try {
    if (found === undefined) await create(parts, key, bootstrap.object);
    else if (leadsElsewhere(found.object, bootstrap)) {
      await storage.store.delete(key, found.at);
      await create(parts, key, bootstrap.object);
    } else {
      const merged = mergedBootstrap(found.object, bootstrap);
      if (merged !== undefined) await storage.store.put(key, encodeObject(merged), found.at);
    }
  } catch (err) {
    if (!isConflict(err)) throw err; // another server of the same store was faster, with the same
  }
}

async function create({ storage, clock }: Parts, key: string, object: Body): Promise<void> {
  const metadata = {
    ...object.metadata,
    uid: newUid(),
    creationTimestamp: formatTime(clock.nowMs()),
  };
  await storage.store.put(key, encodeObject({ ...object, metadata }), 0);
}
