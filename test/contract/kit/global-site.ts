import type { TestProject } from "vitest/node";
import { type Site, type SiteAddress, startSite } from "./site.ts";

declare module "vitest" {
  /** What tests get by `inject("site")`. */
  export interface ProvidedContext {
    readonly site: SiteAddress;
  }
}

let site: Site | undefined;

/** Vitest: starts the one server of the project before its first test. */
export async function setup(project: TestProject): Promise<void> {
  site = await startSite();
  project.provide("site", site.address);
}

/** Vitest: ends it after the last one. */
export async function teardown(): Promise<void> {
  await site?.[Symbol.asyncDispose]();
}
