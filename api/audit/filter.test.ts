import { expect, test } from "vitest";
import type { AuditEvent } from "./event.ts";
import { type AuditFilter, filterOf } from "./filter.ts";

const event: AuditEvent = {
  stage: "ResponseComplete",
  verb: "create",
  user: { username: "root" },
  impersonatedUser: { username: "ann" },
  requestURI: "/apis/apps/v1/namespaces/shop/deployments/web/scale?x=1",
  objectRef: {
    resource: "deployments",
    apiGroup: "apps",
    subresource: "scale",
    namespace: "shop",
    name: "web",
  },
  responseStatus: { code: 403 },
  requestReceivedTimestamp: "2026-11-21T22:00:00.000000Z",
  annotations: { "authorization.k8s.io/decision": "forbid" },
};
const login: AuditEvent = { requestURI: "/auth/login?x", responseStatus: { code: 429 } };
const docker: AuditEvent = {
  objectRef: { resource: "nodes", name: "host-1", subresource: "docker-exec" },
};

test.each<[AuditFilter, readonly boolean[]]>([
  [{}, [true, true, true]],
  [{ user: "root" }, [true, false, false]],
  [{ user: "ann" }, [true, false, false]],
  [{ user: "an" }, [false, false, false]],
  [{ verb: "delete,create" }, [true, false, false]],
  [{ resource: "deployments" }, [true, false, false]],
  [{ resource: "deployments.apps/scale" }, [true, false, false]],
  [{ resource: "deployments/status" }, [false, false, false]],
  [{ resource: "pods,nodes/*" }, [false, false, true]],
  [{ resource: "/auth/login" }, [false, true, false]],
  [{ namespace: "shop", name: "web" }, [true, false, false]],
  [{ node: "host-1" }, [false, false, true]],
  [{ code: "4xx" }, [true, true, false]],
  [{ code: "200,429" }, [false, true, false]],
  [{ decision: "forbid" }, [true, false, false]],
  [{ decision: "none" }, [false, true, true]],
  [{ since: "2026-11-21T22:00:00Z", until: "2026-11-21T22:00:01Z" }, [true, false, false]],
  [{ until: "2026-11-21T22:00:00Z" }, [false, false, false]],
  [{ verb: "create", code: "200" }, [false, false, false]],
])("filterOf(%j)", (filter, wanted) => {
  expect([event, login, docker].map(filterOf(filter))).toEqual(wanted);
});

test.each<[AuditFilter, string]>([
  [{ code: "x" }, 'code must be such as 403 or 4xx, is "x"'],
  [{ since: "yesterday" }, 'since must be a time of RFC 3339, is "yesterday"'],
])("filterOf(%j) throws", (filter, message) => {
  expect(() => filterOf(filter)).toThrow(message);
});
