// Makes the image of manifests/examples/ on an engine, without a registry or the Internet.
//   node hack/example-image.ts DOCKER_URL [REFERENCE [VERSION]]
import { openEngine } from "../agent/engine/dockerode.ts";
import { makeImage, webRecipe } from "./docker/example-images.ts";

const [url, reference = "lighthouse/example:v1", version = "v1"] = process.argv.slice(2);

async function main(engineUrl: string): Promise<void> {
  await using engine = openEngine(engineUrl);
  const id = await makeImage(engine.images, reference, webRecipe(version));
  console.log(`${reference} ${id}`);
}

if (url === undefined) {
  console.error("Usage: node hack/example-image.ts DOCKER_URL [REFERENCE [VERSION]]");
  process.exitCode = 2;
} else {
  try {
    await main(url);
  } catch (err) {
    console.error(err instanceof Error ? err.message : String(err));
    process.exitCode = 1;
  }
}
