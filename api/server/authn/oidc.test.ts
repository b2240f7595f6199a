import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import type { JwtConfig } from "./oidc-config.ts";
import { issuerKeys } from "./oidc-keys.ts";
import { userMapper } from "./oidc-user.ts";
import { oidcAuthenticator } from "./oidc.ts";

const url = "https://id.example.com";
const config: JwtConfig = {
  issuer: { url, audiences: ["lighthouse", "other"], audienceMatchPolicy: "MatchAny" },
  claimMappings: { username: { claim: "sub", prefix: "" }, extra: [] },
  claimValidationRules: [],
  userValidationRules: [],
};

type Key = { readonly kid: string; readonly alg: string; readonly pair: Pair };
type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const ec = (kid: string): Key => ({
  kid,
  alg: "ES256",
  pair: generateKeyPairSync("ec", { namedCurve: "P-256" }),
});

/** An issuer without a network, and an authenticator that trusts it. */
function open() {
  const clock = manualClock();
  const world = {
    keys: [ec("one")] as readonly Key[],
    asked: 0,
    down: false,
    disabled: "",
    refused: [] as string[],
    issuer: url,
  };
  const keys = issuerKeys({
    issuer: url,
    clock,
    onError: () => {},
    async fetchJson(address) {
      if (world.down) throw new Error("connect ECONNREFUSED");
      if (address.endsWith("/.well-known/openid-configuration")) {
        world.asked += 1;
        return { issuer: world.issuer, jwks_uri: `${url}/keys` };
      }
      const list = world.keys.map(async ({ kid, alg, pair }) => ({
        ...(await exportJWK(pair.publicKey)),
        kid,
        alg,
        use: "sig",
      }));
      return { keys: await Promise.all(list) };
    },
  });
  const authenticator = oidcAuthenticator({
    issuers: [{ config, keys, toUser: userMapper(config, "jwt.0") }],
    clock,
    isDisabled: (name) => name === world.disabled,
    onRefused: (_issuer, why) => void world.refused.push(why),
  });
  const nowSeconds = (): number => Math.floor(clock.nowMs() / 1_000);
  return {
    world,
    clock,
    async ask(token: string, again: { ongoing?: true } = {}): Promise<string | undefined> {
      const headers = { authorization: `Bearer ${token}` };
      return (await authenticator.authenticate({ headers, ...again }))?.name;
    },
    token(claims: JWTPayload = {}, key: Key | undefined = world.keys[0], head: object = {}) {
      if (key === undefined) throw new Error("there is no key");
      const now = nowSeconds();
      const times = { iat: now, exp: now + 600 };
      const payload = { iss: url, aud: "lighthouse", sub: "ann", ...times, ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...head })
        .sign(key.pair.privateKey);
    },
    nowSeconds,
  };
}

test("oidcAuthenticator() knows a user by a token, and asks the issuer once", async () => {
  const { world, ask, token } = open();
  const first = await token();
  expect([
    await ask(first),
    await ask(first),
    await ask(await token({ aud: ["x", "other"] })),
  ]).toEqual(["ann", "ann", "ann"]);
  expect(world.asked).toBe(1);
});

test("oidcAuthenticator() ends with the token, and with the user's being disabled", async () => {
  const { world, clock, ask, token } = open();
  const first = await token();
  expect(await ask(first)).toBe("ann");
  world.disabled = "ann";
  expect(await ask(first)).toBeUndefined();
  world.disabled = "";
  expect(await ask(first)).toBe("ann");
  await clock.advance(600_000);
  expect(await ask(first)).toBeUndefined();
  expect(world.refused.at(-1)).toBe("the token has expired");
  // What it opened goes on, and ends with the user all the same.
  expect(await ask(first, { ongoing: true })).toBe("ann");
  expect(await ask(first)).toBeUndefined();
  world.disabled = "ann";
  expect(await ask(first, { ongoing: true })).toBeUndefined();
});

test.each([
  ["no end", { exp: undefined }, /claim exp/],
  ["an end that is past", { exp: 1 }, /exp/],
  ["a beginning to come", { nbf: 9_999_999_999 }, /claim nbf/],
  ["another audience", { aud: "stranger" }, /claim aud/],
  ["no audience", { aud: undefined }, /claim aud/],
] as const)("oidcAuthenticator() refuses a token with %s", async (_what, claims, why) => {
  const { world, ask, token } = open();
  const { exp, aud, ...rest } = { exp: 9_999_999_999, aud: "lighthouse", ...claims };
  const text = await token({
    ...rest,
    ...(exp === undefined ? { exp: undefined } : { exp }),
    ...(aud === undefined ? { aud: undefined } : { aud }),
  } as JWTPayload);
  expect(await ask(text)).toBeUndefined();
  expect(world.refused.join()).toMatch(why);
});

test("oidcAuthenticator() leaves tokens of others to others", async () => {
  const { world, ask, token } = open();
  expect(await ask(await token({ iss: "https://id.example.com/" }))).toBeUndefined();
  expect(await ask("lhs_a_b")).toBeUndefined();
  expect(await ask("a.b.c.d.e")).toBeUndefined();
  expect(await ask("..")).toBeUndefined();
  expect(await ask(`${await token()}${"A".repeat(40_000)}`)).toBeUndefined();
  expect([world.asked, world.refused]).toEqual([0, []]);
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("oidcAuthenticator() takes no algorithm but those of the list", async () => {
  const { world, ask, nowSeconds } = open();
  const payload = part({ iss: url, aud: "lighthouse", sub: "ann", exp: nowSeconds() + 60 });
  const [key] = world.keys;
  const pem = key?.pair.publicKey.export({ type: "spki", format: "pem" }) ?? "";
  const jwk = JSON.stringify(await exportJWK(key?.pair.publicKey ?? new Uint8Array()));
  for (const alg of ["none", "None", "HS256", "HS512", "dir", ""]) {
    for (const secret of [String(pem), jwk, ""]) {
      const head = part({ alg, kid: "one", typ: "JWT" });
      const mac = createHmac("sha256", secret).update(`${head}.${payload}`).digest("base64url");
      expect(await ask(`${head}.${payload}.${mac}`)).toBeUndefined();
      expect(await ask(`${head}.${payload}.`)).toBeUndefined();
    }
  }
});

test("oidcAuthenticator() takes no key that a token brings, nor one of another algorithm", async () => {
  const { ask, token } = open();
  const own = ec("one");
  const jwk = await exportJWK(own.pair.publicKey);
  expect(await ask(await token({}, own))).toBeUndefined();
  expect(await ask(await token({}, own, { jwk }))).toBeUndefined();
  expect(await ask(await token({}, own, { jku: "https://evil.example/keys" }))).toBeUndefined();
  const rsa = {
    kid: "one",
    alg: "RS256",
    pair: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  };
  expect(await ask(await token({}, rsa))).toBeUndefined();
});

test("oidcAuthenticator() follows a new key, and drops what an old one signed", async () => {
  const { world, clock, ask, token } = open();
  const old = await token();
  expect(await ask(old)).toBe("ann");
  world.keys = [ec("two")];
  await clock.advance(10_000);
  expect(await ask(await token())).toBe("ann");
  expect(await ask(old)).toBeUndefined();
});

test("oidcAuthenticator() tries the keys of a token that names none", async () => {
  const { world, ask, token } = open();
  world.keys = [ec("one"), ec("two")];
  expect(await ask(await token({}, world.keys[1], { kid: undefined }))).toBe("ann");
  expect(await ask(await token({}, ec("three"), { kid: undefined }))).toBeUndefined();
});

test("oidcAuthenticator() asks the issuer once in ten seconds, whatever it is shown", async () => {
  const { world, clock, ask, token } = open();
  await ask(await token());
  await clock.advance(10_000);
  const storm = Array.from({ length: 50 }, async (_, i) => ask(await token({}, ec(`x${i}`))));
  expect(await Promise.all(storm)).toEqual(storm.map(() => undefined));
  expect(world.asked).toBe(2);
});

test("oidcAuthenticator() outlives an issuer that is away, and begins without it", async () => {
  const { world, clock, ask, token } = open();
  world.down = true;
  expect([await ask(await token()), await ask(await token())]).toEqual([undefined, undefined]);
  expect(world.refused).toEqual([
    "connect ECONNREFUSED",
    "the issuer could not be asked a moment ago",
  ]);
  world.down = false;
  await clock.advance(10_000);
  expect(await ask(await token())).toBe("ann");
  world.down = true;
  await clock.advance(3_600_000);
  expect(await ask(await token())).toBe("ann");
  await clock.advance(86_400_000);
  expect(await ask(await token())).toBeUndefined();
});

test("oidcAuthenticator() trusts no document of another issuer", async () => {
  const { world, ask, token } = open();
  world.issuer = "https://evil.example";
  expect(await ask(await token())).toBeUndefined();
  expect(world.refused.join()).toMatch(/it is of issuer https:\/\/evil.example/);
});
