import type { Images } from "../../agent/engine/engine.ts";
import {
  crashRecipe,
  healthRecipe,
  makeImage,
  type Recipe,
  silentRecipe,
  unhealthyRecipe,
  webRecipe,
} from "../../hack/docker/example-images.ts";

/** References of the images that tests use; each is 2 MB and made on the spot. */
export const testImages = {
  /** Answers `v1` over HTTP on `$PORT` (80). */
  web: "lh/web:v1",
  /** The same, answering `v2`. */
  web2: "lh/web:v2",
  /** Ends at once with exit code 1. */
  crash: "lh/crash:v1",
  /** Runs and never listens. */
  silent: "lh/silent:v1",
  /** Its HEALTHCHECK succeeds until /tmp/sick exists. */
  health: "lh/health:v1",
  /** Its HEALTHCHECK fails. */
  unhealthy: "lh/unhealthy:v1",
} as const;

const recipes: readonly (readonly [string, Recipe])[] = [
  [testImages.web, webRecipe("v1")],
  [testImages.web2, webRecipe("v2")],
  [testImages.crash, crashRecipe],
  [testImages.silent, silentRecipe],
  [testImages.health, healthRecipe],
  [testImages.unhealthy, unhealthyRecipe],
];

/**
 * Makes all of {@link testImages}; about a second on a real engine. `program` replaces the busybox,
 * for engines that run nothing.
 */
export async function makeTestImages(
  images: Pick<Images, "import">,
  program?: Uint8Array,
): Promise<void> {
  for (const [reference, recipe] of recipes) await makeImage(images, reference, recipe, program);
}
