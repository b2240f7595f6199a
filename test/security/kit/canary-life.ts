import { eventually } from "../../kit/eventually.ts";
import { application, base64, canaries, lookOutFor, pod, secret } from "./canaries.ts";

/** How the story of {@link liveWithCanaries} is told to a server. */
export type Speaker = {
  /** As the administrator; resolves to the answer's body. @throws Error unless it succeeded */
  arrange(method: Method, path: string, body?: unknown, type?: string): Promise<string>;
  /** The same for what may be refused; the answer is kept, to be searched. */
  tell(method: Method, path: string, body: unknown, type?: string): Promise<void>;
  /** A GET with a bearer token and no certificate; the answer is kept, too. */
  present(token: string, path: string): Promise<void>;
};
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const secrets = "/api/v1/namespaces/default/secrets";
const pods = "/api/v1/namespaces/default/pods";
const applications = "/apis/lighthouse.dev/v1/namespaces/default/applications";

/** Tokens in an answer to a login, at whatever depth: what begins as ours do. */
function secretsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return /^lh[a-z]*_/.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

async function makeSecrets(speaker: Speaker): Promise<void> {
  const { data, env, argument, file, stringData, pull, token } = canaries;
  const all = {
    data: base64(data),
    env: base64(env),
    argument: base64(argument),
    file: base64(file),
  };
  await speaker.arrange("POST", secrets, secret("all", { data: all }));
  await speaker.arrange("POST", secrets, secret("text", { stringData: { TEXT: stringData } }));
  const auths = { auths: { "registry.invalid": { auth: base64(`user:${pull}`) } } };
  const docker = { ".dockerconfigjson": base64(JSON.stringify(auths)) };
  await speaker.arrange(
    "POST",
    secrets,
    secret("registry", { type: "kubernetes.io/dockerconfigjson", data: docker }),
  );
  const bootstrap = {
    "token-id": "abcdef",
    "token-secret": token,
    "usage-bootstrap-authentication": "true",
  };
  const metadata = { name: "bootstrap-token-abcdef", namespace: "kube-system" };
  const fields = { metadata, type: "bootstrap.kubernetes.io/token", stringData: bootstrap };
  await speaker.arrange("POST", "/api/v1/namespaces/kube-system/secrets", secret("", fields));
  // As kubectl apply does: the whole Secret once more, in an annotation of itself.
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(all) };
  await speaker.arrange(
    "PATCH",
    `${secrets}/all`,
    { metadata: { annotations } },
    "application/merge-patch+json",
  );
  const applied = secret("applied", { stringData: { x: stringData } });
  await speaker.arrange(
    "PATCH",
    `${secrets}/applied?fieldManager=redaction`,
    applied,
    "application/apply-patch+yaml",
  );
}

/** What is refused must not be repeated to whoever sent it, and not be kept. */
async function makeMistakes(speaker: Speaker): Promise<void> {
  const bad = canaries.malformed;
  await speaker.tell(
    "POST",
    secrets,
    `{"apiVersion":"v1","kind":"Secret","data":{"p":"${bad}" oops`,
  );
  await speaker.tell(
    "POST",
    secrets,
    `kind: Secret\ndata:\n p: ${bad}\n  q: [`,
    "application/yaml",
  );
  await speaker.tell("POST", secrets, secret("bad", { data: { p: `${bad}***` } }));
  await speaker.tell("POST", secrets, secret("bad", { data: { p: { [bad]: bad } } }));
  await speaker.tell("POST", secrets, secret("bad", { stringData: [bad] }));
  await speaker.tell(
    "POST",
    secrets,
    secret("bad", { type: "kubernetes.io/tls", data: { other: base64(bad) } }),
  );
  await speaker.tell(
    "POST",
    secrets,
    secret("bad", {
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": base64(`{${bad}`) },
    }),
  );
  await speaker.tell(
    "PATCH",
    `${secrets}/all`,
    [{ op: "test", path: "/data/env", value: bad }],
    "application/json-patch+json",
  );
  await speaker.tell(
    "PATCH",
    `${secrets}/all`,
    `[{"op":"replace","value":"${bad}"`,
    "application/json-patch+json",
  );
  await speaker.tell(
    "PATCH",
    `${secrets}/applied?fieldManager=other`,
    secret("applied", { stringData: { x: bad } }),
    "application/apply-patch+yaml",
  );
  await speaker.tell("PUT", `${secrets}/text`, secret("other", { stringData: { p: bad } }));
  await speaker.tell(
    "POST",
    "/api/v1/namespaces/nowhere/secrets",
    secret("bad", { stringData: { p: bad } }),
  );
  // Answers with what was asked, as Kubernetes does; nothing else may keep it.
  await speaker.arrange("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: bad },
  });
}

/** A person with a password, a session that is renewed and ended, and a robot with a token. */
async function letThemIn(speaker: Speaker): Promise<void> {
  const users = "/apis/lighthouse.dev/v1/users";
  const email = "ann@example.com";
  const user = { apiVersion: "lighthouse.dev/v1", kind: "User", metadata: { name: "ann" } };
  await speaker.arrange("POST", users, { ...user, spec: { email } });
  const { password, mistyped } = canaries;
  await speaker.tell("PUT", `${users}/ann/password`, { password });
  await speaker.tell("PUT", `${users}/ann/password`, `{"password": "${mistyped}`);
  await speaker.tell("PUT", `${users}/ann/password`, { [mistyped]: password });
  await speaker.tell("POST", "/auth/login", { email, password: mistyped });
  await speaker.tell("POST", "/auth/login", { email, password: { [mistyped]: 1 } });
  const login = JSON.parse(
    await speaker.arrange("POST", "/auth/login", { email, password }),
  ) as Record<string, unknown>;
  const tokens = secretsIn(login);
  if (tokens.length < 2) throw new Error("A login gives no tokens that look like ours");
  for (const token of tokens) lookOutFor(token.split("_").at(-1) ?? "");
  const account = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const { status } = JSON.parse(await speaker.arrange("POST", account, review)) as {
    readonly status: { readonly token: string };
  };
  // The payload says who it is; the signature is what opens doors.
  lookOutFor(status.token.split(".")[2] ?? "");
  const reviewed = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: status.token },
  };
  await speaker.arrange("POST", "/apis/authentication.k8s.io/v1/tokenreviews", reviewed);
  for (const token of [...tokens, status.token, canaries.token]) {
    await speaker.present(token, "/api/v1/nodes?watch=1&timeoutSeconds=1");
  }
}

async function phaseOf(speaker: Speaker, name: string): Promise<string> {
  const { status } = JSON.parse(await speaker.arrange("GET", `${pods}/${name}`)) as {
    readonly status?: { readonly phase?: string; readonly containerStatuses?: unknown };
  };
  return JSON.stringify(status);
}

async function liveWithThem(speaker: Speaker): Promise<void> {
  await speaker.arrange("POST", pods, pod("runs", "web:v1"));
  await speaker.arrange("POST", pods, pod("breaks", "web:broken"));
  await speaker.arrange("POST", pods, pod("unpulled", "registry.invalid/absent:v1"));
  await speaker.arrange("POST", applications, application("web", "web:v1"));
  await speaker.tell("POST", `${applications}?dryRun=All`, application("dry", "web:v1"));
  await speaker.tell(
    "PATCH",
    `${applications}/web?dryRun=All`,
    { spec: { replicas: 2 } },
    "application/merge-patch+json",
  );
  await eventually(
    "a pod runs",
    async () => (await phaseOf(speaker, "runs")).includes('"Running"'),
    {
      timeoutMs: 20_000,
    },
  );
  await eventually(
    "a pod breaks",
    async () => /restartCount":[1-9]/.test(await phaseOf(speaker, "breaks")),
    { timeoutMs: 20_000 },
  );
  await eventually(
    "an image is missing",
    async () => /Pull|Image/.test(await phaseOf(speaker, "unpulled")),
    { timeoutMs: 20_000 },
  );
  await speaker.arrange(
    "PATCH",
    `${applications}/web`,
    application("web", "web:v2"),
    "application/merge-patch+json",
  );
  await speaker.arrange(
    "PATCH",
    `${secrets}/text`,
    { stringData: { MORE: canaries.stringData } },
    "application/merge-patch+json",
  );
  await speaker.arrange("DELETE", `${secrets}/applied`);
}

/** Puts all canaries through a whole life: made, mistaken, used, changed and removed. */
export async function liveWithCanaries(speaker: Speaker): Promise<void> {
  await makeSecrets(speaker);
  await makeMistakes(speaker);
  await letThemIn(speaker);
  await liveWithThem(speaker);
}
