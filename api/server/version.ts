import type { FastifyInstance } from "fastify";

/** The Kubernetes whose wire contract we keep: kubectl derives its skew warnings from it. */
const kubernetes = { major: "1", minor: "33", patch: "1" } as const;

/** What `GET /version` answers; `major` and `minor` are plain integers. */
export type VersionInfo = {
  readonly major: string;
  readonly minor: string;
  /** A semantic version, ours as its build part: `v1.33.1+lighthouse.0.1.0`. */
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
};

/** The version that clients see. `product` is ours, e.g. `0.1.0`. */
export function versionInfo(product: string): VersionInfo {
  const { major, minor, patch } = kubernetes;
  // A build part has dots, letters, digits and hyphens only.
  const build = product.replaceAll(/[^0-9A-Za-z.-]/g, "-");
  return {
    major,
    minor,
    gitVersion: `v${major}.${minor}.${patch}+lighthouse.${build}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: `node${process.version}`,
    compiler: "v8",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}

/** Serves `GET /version`. */
export function serveVersion(app: FastifyInstance, product: string): void {
  const body = versionInfo(product);
  app.get("/version", () => body);
}
