import { afterAll, beforeAll, describe } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { lifecycleTests } from "./lifecycle.ts";
import { openSite, type Site } from "./site.ts";

describe.skipIf(skipWithoutDockerd())("lighthouse up on the embedded store", () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => site[Symbol.asyncDispose]());
  lifecycleTests(() => site);
});
