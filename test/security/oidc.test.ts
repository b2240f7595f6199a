import { createHmac, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OidcIssuer, startOidcIssuer } from "../kit/oidc-issuer.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

let issuer: OidcIssuer;
let other: OidcIssuer;
let rig: AttackRig;
let root: string;

beforeAll(async () => {
  const groups = ["dev", "system:masters"];
  issuer = await startOidcIssuer({ person: { sub: "ann", groups } });
  other = await startOidcIssuer({ person: { sub: "ann" } });
  root = await mkdtemp(join(tmpdir(), "lighthouse-oidc-"));
  const authenticationConfig = join(root, "authentication.yaml");
  const jwt = [issuer, other].map(({ url, authority: certificateAuthority }, index) => ({
    issuer: { url, certificateAuthority, audiences: [index === 0 ? "lighthouse" : "elsewhere"] },
    claimMappings: {
      username: { claim: "sub", prefix: index === 0 ? "" : "other:" },
      groups: { claim: "groups", prefix: "" },
    },
  }));
  const kind = "AuthenticationConfiguration";
  const apiVersion = "apiserver.config.k8s.io/v1";
  await writeFile(authenticationConfig, JSON.stringify({ apiVersion, kind, jwt }));
  rig = await openAttackRig({ config: { authenticationConfig } });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const whoPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/** Who the server takes the bearer for; `undefined` for nobody. */
async function who(token: string): Promise<{ username: string; groups: string[] } | undefined> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const { status, text } = await rig.send("POST", whoPath, { ...bearer(token), body });
  if (status === 401) return undefined;
  type Review = { readonly status: { userInfo: { username: string; groups: string[] } } };
  return (JSON.parse(text) as Review).status.userInfo;
}

/** Refused, audited as nobody's, and the server serves on. */
async function expectRefused(token: string): Promise<void> {
  const mark = `/version?attack=${randomBytes(6).toString("hex")}`;
  const { status, text } = await rig.send("GET", mark, bearer(token));
  expect([status, text]).toEqual([401, expect.stringContaining('"reason":"Unauthorized"')]);
  expect(text).not.toContain(token.slice(-20));
  const { responseStatus, user } = await rig.audited(mark, (event) => event.requestURI === mark);
  expect([responseStatus?.code, user.username]).toEqual([401, ""]);
  await rig.stillServes();
}

const now = (): number => Math.floor(Date.now() / 1_000);
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("an honest token is known, and gives no group of the system", async () => {
  expect(await who(await issuer.idToken())).toMatchObject({
    username: "ann",
    groups: ["dev", "system:authenticated"],
  });
});

describe("claims", () => {
  type Case = readonly [what: string, claims: () => Record<string, unknown>];
  test.each<Case>([
    ["an expired token", () => ({ exp: now() - 1 })],
    ["a token without an end", () => ({ exp: undefined })],
    ["a token of tomorrow", () => ({ nbf: now() + 86_400 })],
    ["a token for another audience", () => ({ aud: "elsewhere" })],
    ["a token for nobody", () => ({ aud: [] })],
    ["a user of the system", () => ({ sub: "system:admin" })],
    ["a ServiceAccount", () => ({ sub: "system:serviceaccount:kube-system:default" })],
    ["a user without a name", () => ({ sub: "" })],
    ["a name that is an object", () => ({ sub: { name: "ann" } })],
    ["another issuer's name", () => ({ iss: other.url })],
    ["our own issuer's name", () => ({ iss: "https://kubernetes.default.svc" })],
  ])("%s is refused", async (_what, claims) => {
    await expectRefused(await issuer.idToken(claims()));
  });

  test("a token of the other issuer for its own audience is the other's user", async () => {
    expect((await who(await other.idToken({ aud: "elsewhere" })))?.username).toBe("other:ann");
    await expectRefused(await other.idToken({ aud: "lighthouse" }));
  });
});

describe("signatures", () => {
  const payload = (): JWTPayload => ({
    iss: issuer.url,
    aud: "lighthouse",
    sub: "ann",
    exp: now() + 60,
  });

  test.each(["none", "None", "nOnE", "HS256", "HS512", "ES256K", "EdDSA", "dir"])(
    "the algorithm %s is refused, with and without a signature",
    async (alg) => {
      const jwk = await issuer.publicJwk();
      const pem = createPublicKey({ key: jwk, format: "jwk" });
      const secrets = [String(pem.export({ type: "spki", format: "pem" })), JSON.stringify(jwk)];
      const text = `${part({ alg, kid: jwk.kid, typ: "JWT" })}.${part(payload())}`;
      await expectRefused(`${text}.`);
      for (const secret of secrets) {
        await expectRefused(
          `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`,
        );
      }
    },
  );

  test("a key that a token brings or points to is refused", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = await exportJWK(publicKey);
    const { kid = "" } = await issuer.publicJwk();
    const alg = "ES256";
    const heads: readonly JWTHeaderParameters[] = [
      { alg, kid },
      { alg, kid, jwk },
      { alg, jku: `${other.url}/jwks` },
      { alg, x5u: `${other.url}/cert`, x5c: ["AAAA"] },
      { alg, kid: "../../../../etc/passwd" },
      { alg, kid: "__proto__" },
      { alg, kid, crit: ["exp"], exp: 1 },
      { alg, kid, b64: false, crit: ["b64"] },
    ];
    for (const head of heads) {
      const jwt = new SignJWT(payload()).setProtectedHeader(head);
      await expectRefused(await jwt.sign(privateKey).catch(() => "a.b.c"));
    }
  });

  test("a token that was changed, cut or put together is refused", async () => {
    const [head = "", body = "", signature = ""] = (await issuer.idToken()).split(".");
    const changed = part({ ...payload(), groups: ["admins"] });
    for (const token of [
      `${head}.${changed}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      `${head}.${body}.${signature}.${signature}`,
      `${head}.${body}.${signature.slice(0, -4)}AAAA`,
      `${head}.${body}.${"A".repeat(86)}`,
    ]) {
      await expectRefused(token);
    }
  });
});

test("tokens that are huge, deep or no tokens at all are refused at once", async () => {
  const [head = "", , signature = ""] = (await issuer.idToken()).split(".");
  const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
  const nested = Buffer.from(`{"iss":"${issuer.url}","a":${deep}}`).toString("base64url");
  const tokens = [
    `${head}.${"A".repeat(31_000)}.${signature}`,
    `${head}.${nested}.${signature}`,
    await issuer.idToken({ groups: Array.from({ length: 2_000 }, (_, i) => `group-number-${i}`) }),
    `${head}.bm90IGpzb24.${signature}`,
    "..",
    ".".repeat(20_000),
    "%00.%00.%00",
  ];
  for (const token of tokens) await expectRefused(token);
});

test("a TokenReview knows people too, for this server alone", async () => {
  const review = async (token: string, audiences?: readonly string[]): Promise<unknown> => {
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, ...(audiences === undefined ? {} : { audiences }) },
    };
    const answer = await rig.arrange("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body);
    return (JSON.parse(answer.text) as { readonly status: unknown }).status;
  };
  const known = { authenticated: true, user: { username: "ann" } };
  expect(await review(await issuer.idToken())).toMatchObject(known);
  const refused = { user: {}, error: "invalid bearer token" };
  expect(await review(await issuer.idToken(), ["lighthouse"])).toEqual(refused);
  expect(await review(await issuer.idToken({ aud: "elsewhere" }))).toEqual(refused);
  expect(await review("lhs_aaaaaaaaaaaaaaaaaaaa_x")).toEqual(refused);
});

test("an issuer that is down takes nobody with it whose key is known", async () => {
  issuer.setDown(true);
  try {
    expect((await who(await issuer.idToken()))?.username).toBe("ann");
    await expectRefused(await issuer.idToken({}, { kid: "unknown" }));
  } finally {
    issuer.setDown(false);
  }
});

test("a User who is disabled is kept out by an ID token too", async () => {
  const token = await issuer.idToken({ sub: "bob" });
  expect((await who(token))?.username).toBe("bob");
  const users = "/apis/lighthouse.dev/v1/users";
  const user = {
    apiVersion: "lighthouse.dev/v1",
    kind: "User",
    metadata: { name: "bob" },
    spec: { email: "bob@example.com", disabled: true },
  };
  await rig.arrange("POST", users, user);
  await expectRefused(token);
  await rig.arrange("PUT", `${users}/bob`, {
    ...(JSON.parse((await rig.arrange("GET", `${users}/bob`)).text) as typeof user),
    spec: { ...user.spec, disabled: false },
  });
  expect((await who(token))?.username).toBe("bob");
});

// Last: what many refusals of strangers leave in the audit log is one line for all.
test("a storm of unknown keys asks the issuer hardly ever", async () => {
  const before = issuer.keysAsked();
  const storm = Array.from({ length: 60 }, async (_, i) => issuer.idToken({}, { kid: `key-${i}` }));
  const answers = await Promise.all(
    (await Promise.all(storm)).map((token) => rig.send("GET", "/version", bearer(token))),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect(issuer.keysAsked() - before).toBeLessThanOrEqual(1);
  await rig.stillServes();
});
