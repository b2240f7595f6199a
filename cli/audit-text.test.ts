import { expect, test } from "vitest";
import type { AuditEvent } from "../api/audit/event.ts";
import { AuditTable, harmless } from "./audit-text.ts";

const event: AuditEvent = {
  stage: "ResponseComplete",
  verb: "create",
  user: { username: "ann\u001b[2J\nroot" },
  objectRef: { resource: "pods", subresource: "exec", namespace: "shop", name: "web" },
  requestURI: "/api/v1/namespaces/shop/pods/web/exec?command=sh&command=-c&command=id",
  responseStatus: { code: 403 },
  userAgent: "x\u009b31m\u202e",
  requestReceivedTimestamp: "2026-11-21T22:00:00.000000Z",
  stageTimestamp: "2026-11-21T22:00:00.250000Z",
  annotations: { "authorization.k8s.io/decision": "forbid" },
};

function shown(color: boolean, isWide: boolean): string {
  let text = "";
  const io = {
    out: (more: string) => (text += more),
    err: () => {},
    isTerminal: color,
    color,
    env: {},
    readStdin: async () => "",
    clock: { nowMs: () => 0 },
  };
  new AuditTable({ ...io, out: (more) => void io.out(more) }, isWide).add(event);
  return text;
}

test("AuditTable shows who did what, with the command", () => {
  const [title = "", line = "", ...more] = shown(false, false).split("\n");
  expect(title.split(/ {3,}/)).toEqual([
    "TIME",
    "USER",
    "VERB",
    "RESOURCE",
    "NAMESPACE",
    "NAME",
    "CODE",
    "DECISION",
  ]);
  expect(line).toContain("pods/exec [sh -c id]   shop");
  expect(line).toMatch(/403 +forbid$/);
  expect(more).toEqual([""]);
});

test("AuditTable lets nothing that strangers chose steer a terminal", () => {
  const text = shown(false, true);
  expect(text.split("\n")).toHaveLength(3);
  expect(text).toContain("ann\\u001b[2J\\u000aroot");
  expect(text).toContain("x\\u009b31m\\u202e");
  expect(text).toContain("250ms");
  expect(text).not.toMatch(/[\p{Cf}]/u);
});

test("AuditTable has colours only where they are shown", () => {
  expect(shown(false, false)).not.toContain("\u001b");
  expect(shown(true, false)).toContain("\u001b[33m");
});

test("harmless() leaves words as they are", () => {
  expect(harmless("Zoë 東京 /a?b=c")).toBe("Zoë 東京 /a?b=c");
});
