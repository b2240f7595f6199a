import { expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { addPerson, asMaster, logIn, usersPath } from "../../../test/kit/people.ts";
import { prefixOf } from "./collections.ts";
import { openSessions } from "./sessions.ts";
import { tendUsersOnce } from "./tend-users.ts";

const dayMs = 86_400_000;

async function tend({ scope: { storage }, clock }: TestApp): Promise<void> {
  const onError = (err: unknown): void => {
    throw err;
  };
  const sessions = openSessions({ storage, clock, onError });
  await tendUsersOnce({ storage, clock, sessions, onError });
  const { revision } = await storage.store.head();
  await storage.cache.reach(revision, 1_000);
}

const kept = ({ scope }: TestApp) => ({
  sessions: scope.cache.count(prefixOf.sessions),
  secrets: scope.cache.count(prefixOf.sessionSecrets),
  passwords: scope.cache.count(prefixOf.passwords),
});

test("sessions that are over go, with what opened them", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  await logIn(app, "ann");
  await app.clock.advance(6 * dayMs);
  await logIn(app, "ann");
  await tend(app);
  expect(kept(app)).toEqual({ sessions: 2, secrets: 2, passwords: 1 });
  await app.clock.advance(dayMs);
  await tend(app);
  expect(kept(app)).toEqual({ sessions: 1, secrets: 1, passwords: 1 });
});

test("a deleted user takes sessions and password along, and its name is free", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  await logIn(app, "ann");
  const path = `${usersPath}/ann`;
  expect((await app.send("DELETE", path, undefined, asMaster)).code).toBe(200);
  const doomed = await app.send("GET", path, undefined, asMaster);
  expect(doomed.body).toMatchObject({ metadata: { finalizers: ["lighthouse.dev/bindings"] } });
  await tend(app);
  expect(kept(app)).toEqual({ sessions: 0, secrets: 0, passwords: 0 });
  expect((await app.send("GET", path, undefined, asMaster)).code).toBe(404);
});

test("what belongs to nothing stays for a while: its owner may be about to be written", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  const { session } = await logIn(app, "ann");
  for (const key of [`${prefixOf.sessions}${session}`, `${prefixOf.users}ann`]) {
    const entry = await app.store.get(key);
    await app.store.delete(key, entry?.at ?? 0);
  }
  await tend(app);
  expect(kept(app)).toEqual({ sessions: 0, secrets: 1, passwords: 1 });
  await app.clock.advance(6 * 60_000);
  await tend(app);
  expect(kept(app)).toEqual({ sessions: 0, secrets: 0, passwords: 0 });
});
