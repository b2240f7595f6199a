import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { forgetLogin } from "./forget-login.ts";

test("forgetLogin() removes a login, and nothing else that a kubeconfig names", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lighthouse-forget-"));
  try {
    const signal = AbortSignal.timeout(5_000);
    const other = join(folder, "thesis.txt");
    await writeFile(other, "years of work");
    expect(await forgetLogin(other, signal)).toContain("it holds no login");
    expect(await readFile(other, "utf8")).toBe("years of work");
    const login = join(folder, "login.json");
    const state = {
      version: 1,
      server: "https://127.0.0.1:1",
      context: "c",
      user: "ann",
      token: "t",
      expiresMs: 0,
      renewal: { kind: "oidc", issuer: "https://127.0.0.1:1", clientId: "c" },
    };
    await writeFile(login, JSON.stringify(state));
    expect(await forgetLogin(login, signal)).toBeUndefined();
    await expect(readFile(login)).rejects.toThrow("ENOENT");
    expect(await forgetLogin(login, signal)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});
