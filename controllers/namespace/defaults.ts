import type { Client } from "../../api/client/client.ts";
import { equalJson } from "../../api/machinery/equality.ts";
import {
  isAlreadyExists,
  isConflict,
  isNamespaceTerminating,
  isNotFound,
} from "../../api/machinery/errors.ts";
import { isDeleting } from "../../api/machinery/finalizer.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import {
  type ConfigMap,
  configMaps,
  namespaces,
  type Resource,
  serviceAccounts,
} from "../../api/machinery/resources.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { source } from "../runtime/sources.ts";

/** The ServiceAccount that pods have when they name none. */
const accountName = "default";
/** The ConfigMap that tells everybody how to trust the API server. */
const rootName = "kube-root-ca.crt";
/** Where the API server itself writes that ConfigMap. */
const rootNamespace = "kube-system";

/** What a namespace lacks of what every namespace has. */
export type Missing = {
  readonly account: boolean;
  /** The data that `kube-root-ca.crt` shall have; absent: it is as it should be. */
  readonly root?: Readonly<Record<string, string>>;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly name: string;
  readonly account: KubeObject | undefined;
  readonly root: ConfigMap | undefined;
  /** The one of the API server; absent: it has not written it. */
  readonly authority: ConfigMap | undefined;
};

/** What is missing in a namespace that lives. */
export function planDefaults({ name, account, root, authority }: Seen): Missing {
  const wanted = authority?.data;
  const stale = name !== rootNamespace && wanted !== undefined && !equalJson(root?.data, wanted);
  return { account: account === undefined, ...(stale ? { root: wanted } : {}) };
}

const inNamespace = (type: Resource<KubeObject>, wanted: string) =>
  source(type, ({ metadata: { name, namespace = "" } }) =>
    name === wanted ? [{ name: namespace }] : [],
  );

/** Somebody was faster, or the namespace is about to go: the next change decides. */
const isOver = (err: unknown): boolean =>
  isAlreadyExists(err) || isConflict(err) || isNotFound(err) || isNamespaceTerminating(err);

type RootData = Readonly<Record<string, string>>;

async function writeRoot(
  client: Client,
  namespace: string,
  data: RootData,
  has: boolean,
): Promise<void> {
  const key = { namespace, name: rootName };
  if (has) {
    // All of it: what somebody added goes as well.
    const body = [{ op: "add", path: "/data", value: data }];
    await client.patch(configMaps, key, { type: "json", body });
    return;
  }
  const why = "Contains a CA bundle that can be used to verify the API server.";
  const metadata = { ...key, annotations: { "kubernetes.io/description": why } };
  await client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
}

/** Gives every namespace its ServiceAccount and the certificate of the API server. */
export const buildNamespaceDefaults: BuildController = ({ client, caches }) => {
  const spaces = caches.of(namespaces);
  const maps = caches.of(configMaps);
  const accounts = caches.of(serviceAccounts);

  return {
    name: "namespace-defaults",
    owns: ["serviceaccounts/existence[default]", "configmaps/data[kube-root-ca.crt]"],
    sources: [
      source(namespaces, ({ metadata }) => [{ name: metadata.name }]),
      inNamespace(serviceAccounts, accountName),
      source(configMaps, ({ metadata: { name, namespace = "" } }) => {
        if (name !== rootName) return [];
        const all = namespace === rootNamespace ? spaces.list() : [];
        return [{ name: namespace }, ...all.map(({ metadata }) => ({ name: metadata.name }))];
      }),
    ],
    reconciler: {
      async reconcile({ name }) {
        const namespace = spaces.get({ name });
        if (namespace === undefined || isDeleting(namespace)) return {};
        const root = maps.get({ namespace: name, name: rootName });
        const { account, root: data } = planDefaults({
          name,
          root,
          account: accounts.get({ namespace: name, name: accountName }),
          authority: maps.get({ namespace: rootNamespace, name: rootName }),
        });
        const metadata = { namespace: name, name: accountName };
        const writes = [
          ...(account
            ? [
                client.create(serviceAccounts, {
                  apiVersion: "v1",
                  kind: "ServiceAccount",
                  metadata,
                }),
              ]
            : []),
          ...(data === undefined ? [] : [writeRoot(client, name, data, root !== undefined)]),
        ];
        for (const write of await Promise.allSettled(writes)) {
          if (write.status === "rejected" && !isOver(write.reason)) throw write.reason;
        }
        return {};
      },
    },
  };
};
