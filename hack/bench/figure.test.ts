import { expect, test } from "vitest";
import { type Figure, isMet, renderFigures } from "./figure.ts";

const ratio: Figure = { what: "apply / engine", value: 1.2, unit: "x", atMost: 1.2 };

test.each([
  ["meets a limit that it just reaches", ratio, true],
  ["misses a limit that it passes", { ...ratio, value: 1.21 }, false],
  ["misses a floor below it", { what: "writes", value: 0.4, unit: "x", atLeast: 0.5 }, false],
  ["informs when it has no target", { what: "engine", value: 9, unit: "s" }, true],
] as const)("isMet() %s", (_why, figure, want) => {
  expect(isMet(figure)).toBe(want);
});

test("renderFigures() aligns the columns and says what was missed", () => {
  const text = renderFigures([
    { ...ratio, from: "6 s / 5 s" },
    { what: "idle memory", value: 212.4, unit: "MB", atMost: 200 },
    { what: "engine alone", value: 5, unit: "s" },
  ]);
  expect(text).toBe(
    [
      "WHAT            MEASURED  TARGET     VERDICT  FROM",
      "apply / engine  1.20 x    <= 1.20 x  met      6 s / 5 s",
      "idle memory     212 MB    <= 200 MB  MISSED",
      "engine alone    5.00 s    -          -",
      "",
    ].join("\n"),
  );
});
