import { expect, test } from "vitest";
import { runCommand } from "./check.ts";

test("runCommand() keeps what is for programs apart from news on stderr", async () => {
  const script = "echo '{}'; echo news >&2; exit 3";
  const { code, output, stdout } = await runCommand(["sh", "-c", script]);
  expect({ code, stdout }).toEqual({ code: 3, stdout: "{}\n" });
  expect(output).toContain("news\n");
  expect(await runCommand(["/no/such/command"])).toMatchObject({ code: 127, stdout: "" });
});
