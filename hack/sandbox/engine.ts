import { createInterface } from "node:readline/promises";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { crashRecipe, makeImage, webRecipe } from "../docker/example-images.ts";
import { startDockerd } from "../docker/private-dockerd.ts";
import { runCommand } from "../gate/check.ts";
import { privateDockerDir, root } from "./places.ts";

/** The engine that hack/up uses. */
export type Choice =
  { readonly kind: "there" | "private"; readonly url: string } | { readonly kind: "simulated" };

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What an engine that answers says of itself, or why it does not. */
async function ask(url: string): Promise<{ readonly answer: string; readonly works: boolean }> {
  try {
    await using engine = openEngine(url);
    const { version, name } = await engine.info(AbortSignal.timeout(5_000));
    return { answer: `Docker ${version} on ${name}`, works: true };
  } catch (err) {
    return { answer: err instanceof Error ? err.message : String(err), works: false };
  }
}

async function agrees(question: string, yes: boolean): Promise<boolean> {
  if (yes) {
    say(`${question} yes (--yes)`);
    return true;
  }
  if (!process.stdin.isTTY) return false;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await reader.question(`${question} [Y/n] `);
  reader.close();
  return /^(y(es)?)?$/i.test(answer.trim());
}

/** Debian packages through the same function as hack/test uses. */
async function install(...commands: readonly string[]): Promise<void> {
  const script = '. "$1/hack/lib.sh"; shift; use_commands "$@"';
  const { code, output } = await runCommand(["bash", "-c", script, "hack/up", root, ...commands]);
  if (output !== "") say(output.trimEnd());
  if (code !== 0) throw new Error(`Cannot install ${commands.join(", ")}`);
}

const canRunPrivately = (): boolean => process.getuid?.() === 0 && process.platform === "linux";

async function startPrivate(): Promise<Choice> {
  await install("dockerd", "busybox", "ip");
  say("Starting a private Docker Engine ...");
  const { url } = await startDockerd(privateDockerDir());
  const { answer, works } = await ask(url);
  if (!works) throw new Error(`The private Docker Engine does not answer: ${answer}`);
  say(`Using a private ${answer}, ${url}`);
  return { kind: "private", url };
}

/** Finds an engine: the given one, the one that is there, a private one, else a simulated one. */
export async function chooseEngine(
  given: string | undefined,
  { yes, simulate }: { readonly yes: boolean; readonly simulate: boolean },
): Promise<Choice> {
  if (simulate) return { kind: "simulated" };
  const url = given ?? process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  const { answer, works } = await ask(url);
  if (works) {
    say(`Using ${answer}, ${url}`);
    return { kind: "there", url };
  }
  if (given !== undefined) throw new Error(answer);
  say(`No Docker Engine here: ${answer}`);
  if (!canRunPrivately()) {
    say("A private one needs root on Linux.");
    return { kind: "simulated" };
  }
  const question =
    "Start a private Docker Engine from Debian's package docker.io, in .lighthouse/docker?";
  if (!(await agrees(question, yes))) return { kind: "simulated" };
  try {
    return await startPrivate();
  } catch (err) {
    say(
      `Cannot start a private Docker Engine: ${err instanceof Error ? err.message : String(err)}`,
    );
    return { kind: "simulated" };
  }
}

/** Makes the images of manifests/examples on the engine: no registry, no Internet. */
export async function makeExampleImages(url: string): Promise<void> {
  if (canRunPrivately()) await install("busybox");
  await using engine = openEngine(url);
  const recipes = { v1: webRecipe("v1"), v2: webRecipe("v2"), broken: crashRecipe };
  for (const [tag, recipe] of Object.entries(recipes)) {
    await makeImage(engine.images, `lighthouse.example/web:${tag}`, recipe);
  }
}
