import { expired, StatusError } from "../../machinery/errors.ts";
import { isForeign } from "../authn/same-origin.ts";
import type { App, Request } from "../http.ts";
import { authBodyBytes, readAuthBody } from "./auth-body.ts";
import { draftFirstUser, type FirstUserOptions, makeFirstUser } from "./first-user.ts";
import type { Logins } from "./login.ts";
import type { SetupLink } from "./setup-link.ts";
import { setupPage, setupPageHeaders } from "./setup-page.ts";

/** What the routes of the first start need. */
export type SetupRoutesOptions = FirstUserOptions & {
  readonly link: SetupLink;
  readonly logins: Logins;
  readonly onEvent: (what: string, about: Readonly<Record<string, string>>) => void;
};

const closed = (): StatusError =>
  expired("Cannot set up: there is a user already, or no link that is still good");

async function setUp(options: SetupRoutesOptions, request: Request): Promise<object> {
  const { link, logins, onEvent } = options;
  if (isForeign(request.headers)) {
    throw new StatusError("Forbidden", "Cannot set up: a page of another origin asked");
  }
  const fields = ["token", "name", "email", "password"] as const;
  const sent = readAuthBody(request.headers["content-type"], request.body, fields);
  const back = logins.tryFrom(request.ip);
  const verdict = await link.judge(sent.token ?? "");
  if (verdict.is === "closed") throw closed();
  if (verdict.is === "wrong") throw new StatusError("Forbidden", "Cannot set up: wrong link");
  back();
  // Whoever has the link is known by nothing else: the audit log says so.
  request.user = { name: "system:lighthouse:setup", groups: [] };
  const { name = "", email = "", password = "" } = sent;
  // Everything is checked before the link is used up: a typing error must not cost it.
  const object = draftFirstUser(options, { name, email, password });
  if (!(await link.useUp(verdict.item))) throw closed();
  await makeFirstUser(options, object, password);
  onEvent("made the first user", { user: name });
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };
}

/** Serves `/auth/setup`, where whoever has the link makes the first User. */
export function serveSetup(app: App, options: SetupRoutesOptions): void {
  app.get("/auth/setup", async (_request, reply) => {
    if (!(await options.link.isOpen())) throw closed();
    return reply.headers(setupPageHeaders).send(setupPage);
  });
  app.post("/auth/setup", { bodyLimit: authBodyBytes }, async (request, reply) => {
    const answer = await setUp(options, request);
    return reply.code(201).header("cache-control", "no-store").send(answer);
  });
}
