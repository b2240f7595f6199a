import type { Images } from "../../agent/engine/engine.ts";
import {
  crashRecipe,
  healthRecipe,
  makeImage,
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

/** Makes all of {@link testImages}; about a second on a real engine. */
export async function makeTestImages(images: Pick<Images, "import">): Promise<void> {
  await makeImage(images, testImages.web, webRecipe("v1"));
  await makeImage(images, testImages.web2, webRecipe("v2"));
  await makeImage(images, testImages.crash, crashRecipe);
  await makeImage(images, testImages.silent, silentRecipe);
  await makeImage(images, testImages.health, healthRecipe);
  await makeImage(images, testImages.unhealthy, unhealthyRecipe);
}
