import { expect, test } from "vitest";
import { copyTemplate } from "./template.ts";

const application = `
              properties:
                paused: { type: boolean }
                template:
                  type: object
                  properties:
                    spec: { type: object }
            status:
              type: object
`;
const around = (inside: string): string =>
  `spec:
                # BEGIN copy of the template in application.yaml
${inside}                # END copy
status: {}
`;
const block = `                template:
                  type: object
                  properties:
                    spec: { type: object }
`;

test("copyTemplate() puts the template between the markers, whatever was there", () => {
  expect(copyTemplate(application, around(""))).toBe(around(block));
  expect(copyTemplate(application, around("                old: {}\n"))).toBe(around(block));
});

test("copyTemplate() throws without a template or markers", () => {
  expect(() => copyTemplate("spec: {}\n", around(""))).toThrow("Cannot find the field template");
  expect(() => copyTemplate(application, "spec: {}\n")).toThrow("Cannot find the markers");
});
