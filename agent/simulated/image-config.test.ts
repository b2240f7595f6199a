import { expect, test } from "vitest";
import { importedConfig } from "./image-config.ts";

test("importedConfig() reads Dockerfile lines as an engine does", () => {
  const config = importedConfig([
    'CMD ["/bin/web", "-v"]',
    "ENTRYPOINT run it",
    "ENV A=b=c",
    "EXPOSE 80",
    "EXPOSE 53/udp",
    'LABEL team="blue"',
    "HEALTHCHECK --interval=250ms --timeout=2s --retries=2 CMD test ! -e /tmp/sick",
    "STOPSIGNAL SIGINT",
  ]);
  expect(config).toEqual({
    Cmd: ["/bin/web", "-v"],
    Entrypoint: ["/bin/sh", "-c", "run it"],
    Env: ["A=b=c"],
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Labels: { team: "blue" },
    Healthcheck: {
      Test: ["CMD-SHELL", "test ! -e /tmp/sick"],
      Interval: 250_000_000,
      Timeout: 2_000_000_000,
      StartPeriod: 0,
      Retries: 2,
    },
  });
});

test.each([
  ["HEALTHCHECK NONE", ["NONE"]],
  ['HEALTHCHECK CMD ["/check", "me"]', ["CMD", "/check", "me"]],
])("importedConfig() reads %s", (line, test_) => {
  expect(importedConfig([line]).Healthcheck?.Test).toEqual(test_);
});
