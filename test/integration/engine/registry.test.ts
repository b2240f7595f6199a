import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import type { Engine, PullProgress } from "../../../agent/engine/engine.ts";
import { isImageUnknown } from "../../../agent/engine/errors.ts";
import { makeImage, webRecipe } from "../../../hack/docker/example-images.ts";
import { type PrivateDockerd, privateDockerd, whyNoDockerd } from "../../kit/dockerd.ts";
import { httpServer } from "../../kit/http-server.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";
import { pushImage, type Registry, startRegistry } from "../../kit/registry.ts";

const missing = whyNoDockerd() ?? missingProgram("docker-registry");

describe.skipIf(skipReason("pulls from a registry", missing))("with a real registry", () => {
  let dockerd: PrivateDockerd;
  let registry: Registry;
  let engine: Engine;

  beforeAll(async () => {
    registry = await startRegistry();
    dockerd = await privateDockerd();
    engine = openEngine(dockerd.url);
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await dockerd?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  test("pull() brings what resolve() named, by tag and by digest, with progress", async () => {
    const reference = `${registry.address}/team/web:v1`;
    await makeImage(engine.images, reference, webRecipe("v1"));
    await pushImage(dockerd.url, reference);
    const digest = await engine.images.resolve(reference);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const byDigest = `${registry.address}/team/web@${digest}`;
    for (const wanted of [reference, byDigest]) {
      await engine.images.remove(reference);
      await engine.images.remove(byDigest);
      expect(await engine.images.inspect(wanted)).toBeUndefined();
      const steps: PullProgress[] = [];
      for await (const step of engine.images.pull(wanted)) steps.push(step);
      expect(steps.map(({ status }) => status)).toContain("Pull complete");
      expect((await engine.images.inspect(wanted))?.digests).toEqual([byDigest]);
    }
  });

  test("an absent tag is NotFound, in the registry's words", async () => {
    const reference = `${registry.address}/team/web:v9`;
    const absent = {
      reason: "NotFound",
      message: expect.stringContaining(reference) as string,
    };
    await expect(Array.fromAsync(engine.images.pull(reference))).rejects.toMatchObject(absent);
    await expect(engine.images.resolve(reference)).rejects.toMatchObject(absent);
  });

  const hostOf = (url: string): string => new URL(url).host;
  const failure = (reference: string): Promise<unknown> =>
    Array.fromAsync(engine.images.pull(reference)).then(
      () => undefined,
      (err: unknown) => err,
    );

  test.each([
    ["a tag that its repository does not have", "team/web:v9"],
    ["a repository that nobody pushed to", "team/none:v1"],
    ["a digest that nobody pushed", `team/web@sha256:${"0".repeat(64)}`],
    ["a name that is none", "Team/Web:v1"],
  ])("%s is unknown for good", async (_why, path) => {
    const err = await failure(`${registry.address}/${path}`);
    expect(err).toBeInstanceOf(Error);
    expect(isImageUnknown(err), String(err)).toBe(true);
  });

  test("a registry that is away may come back", async () => {
    const err = await failure("127.0.0.1:9/team/web:v1");
    expect(err).toBeInstanceOf(Error);
    expect(isImageUnknown(err), String(err)).toBe(false);
  });

  test("a registry that refuses the login does not change its mind", async () => {
    await using guarded = await httpServer((_request, response) => {
      const challenge = `Basic realm="tests"`;
      response.writeHead(401, {
        "WWW-Authenticate": challenge,
        "Content-Type": "application/json",
      });
      response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
    });
    const err = await failure(`${hostOf(guarded.url)}/team/web:v1`);
    expect(err).toBeInstanceOf(Error);
    expect(isImageUnknown(err), String(err)).toBe(true);
  });

  test("a registry in trouble of its own may come round", async () => {
    await using broken = await httpServer((_request, response) => {
      response.writeHead(503).end("no upstream");
    });
    const err = await failure(`${hostOf(broken.url)}/team/web:v1`);
    expect(err).toBeInstanceOf(Error);
    expect(isImageUnknown(err), String(err)).toBe(false);
  });
});
