import application from "./application.gen.json" with { type: "json" };
import beacon from "./beacon.gen.json" with { type: "json" };
import revision from "./revision.gen.json" with { type: "json" };
import session from "./session.gen.json" with { type: "json" };
import user from "./user.gen.json" with { type: "json" };

/** A CustomResourceDefinition of ours as far as its reader may rely on it without a check. */
export type CrdManifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      /** The structural schema of the version, see api/machinery/schema-props.ts. */
      readonly schema: { readonly openAPIV3Schema: object };
      readonly subresources?: object;
      readonly additionalPrinterColumns?: readonly object[];
    }[];
  };
};

/** The CRDs of Lighthouse, which every API server serves from its first start. */
export const crds: readonly CrdManifest[] = [application, revision, beacon, user, session];
