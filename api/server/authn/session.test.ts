import { expect, test } from "vitest";
import type { Session, User } from "../../../crds/types.gen.ts";
import { sessionUser } from "./session.ts";

const metadata = (name: string) => ({
  name,
  uid: `uid-of-${name}`,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
});

test("sessionUser() gives no groups of the system, whatever a schema let through", () => {
  const type = { apiVersion: "lighthouse.dev/v1" } as const;
  const groups = ["dev", "system:masters", "system:beacons", "systems"];
  const user: User = {
    ...type,
    kind: "User",
    metadata: metadata("ann"),
    spec: { email: "ann@example.com", disabled: false, groups },
  };
  const session: Session = {
    ...type,
    kind: "Session",
    metadata: metadata("s"),
    spec: {
      user: "ann",
      userUID: "uid-of-ann",
      client: "CLI",
      expires: "2026-02-01T00:00:00Z",
      idleSeconds: 60,
    },
  };
  expect(sessionUser({ session, user })).toEqual({
    name: "ann",
    uid: "uid-of-ann",
    groups: ["dev", "systems"],
    extra: { "lighthouse.dev/session": ["s"] },
  });
});
