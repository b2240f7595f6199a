import { expect, test } from "vitest";
import { passwordProblem } from "./password-rules.ts";

const owner = { name: "ann-ohara", email: "ann.ohara@example.com" };

test.each([
  ["short", "shorter than 12 characters"],
  ["elevenchars", "shorter than 12 characters"],
  ["💡💡💡💡💡💡", "shorter than 12 characters"],
  ["aaaaaaaaaaaaaaaa", "fewer than 5 different characters"],
  ["abababababababab", "fewer than 5 different characters"],
  ["Password12345678", "everybody tries first"],
  ["pa$$word-P455word", undefined],
  ["passwordpassword", "everybody tries first"],
  ["!!!iloveyousomuch!!!", "everybody tries first"],
  ["1q2w3e4r5t6y", "everybody tries first"],
  ["administrator1!", "everybody tries first"],
  ["ann-ohara2026", "made of the name or the email"],
  ["ANN.OHARA@example.com", "made of the name or the email"],
  ["ann.ohara-1234", "made of the name or the email"],
  ["line\nbreak-in-it", "control character"],
  ["null\u0000in-the-middle", "control character"],
  ["turned\u202Eround-here", "control character"],
  ["lone-\uD800-surrogate", "control character"],
  ["x".repeat(1_025), "longer than 1024 bytes"],
  ["ä".repeat(513), "longer than 1024 bytes"],
  ["wet harbour lamp 42", undefined],
  ["violet tram over seven bridges", undefined],
  ["correct horse battery staple", "everybody tries first"],
  ["48391a0273840b92c", undefined],
  ["ann-ohara and seven violet trams", undefined],
  ["пароль-на-двенадцать", undefined],
  ["鍵をかけた灯台の下の舟の名前", undefined],
])("%j", (password, problem) => {
  expect(passwordProblem(password, owner) ?? "it will do").toContain(problem ?? "it will do");
});

test("no message repeats the password", () => {
  for (const password of ["secret\u0000value", "short-one", "Password12345678"]) {
    expect(passwordProblem(password, owner)).not.toContain(password);
  }
});
