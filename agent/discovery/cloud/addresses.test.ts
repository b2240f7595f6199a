import { generateKeyPairSync } from "node:crypto";
import nock from "nock";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import type { Provider } from "../provider.ts";
import type { Credentials } from "../settings.ts";
import { azureProvider } from "./azure.ts";
import { digitalOceanProvider } from "./digitalocean.ts";
import { ec2Provider } from "./ec2.ts";
import { gceProvider } from "./gce.ts";
import type { CloudSettings } from "./machine.ts";

// Shapes are those of the vendors' references, shortened to what a machine needs to be told apart.

const metadata = "http://169.254.169.254";
const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const settings = (secret: Credentials, config: CloudSettings["config"] = {}): CloudSettings => ({
  config,
  engine: { scheme: "tcp" },
  credentials: async () => secret,
});

// Other files of the same process want the real network, which nock takes as soon as it is loaded.
beforeAll(() => {
  if (!nock.isActive()) nock.activate();
});
afterAll(() => nock.restore());
beforeEach(() => {
  nock.disableNetConnect();
});
afterEach(() => {
  const left = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  if (left.length > 0) throw new Error(`never asked for: ${left.join(", ")}`);
});

const urlsOf = async (provider: Provider): Promise<readonly string[]> =>
  (await provider.find(soon())).map(({ url }) => url);

test("gce lists two pages of all zones by the machine's own service account, and takes the second NIC", async () => {
  const google = { "Metadata-Flavor": "Google" };
  const vm = (name: string, ip: string, status = "RUNNING") => ({
    name,
    status,
    zone: "https://www.googleapis.com/compute/v1/projects/shop-42/zones/europe-west1-b",
    machineType:
      "https://www.googleapis.com/compute/v1/projects/shop-42/zones/b/machineTypes/e2-small",
    labels: { role: "docker" },
    tags: { items: ["docker"], fingerprint: "42WmSpB8rSM=" },
    networkInterfaces: [
      { name: "nic0", networkIP: "10.9.0.1", accessConfigs: [{ natIP: "203.0.113.1" }] },
      { name: "nic1", networkIP: ip },
    ],
  });
  nock(metadata, { reqheaders: { "metadata-flavor": "Google" } })
    .get("/computeMetadata/v1/instance/service-accounts/default/token")
    .reply(200, { access_token: "ya29.t", expires_in: 3599, token_type: "Bearer" }, google)
    .get("/computeMetadata/v1/project/project-id")
    .reply(200, "shop-42", google);
  nock("https://compute.googleapis.com", { reqheaders: { authorization: "Bearer ya29.t" } })
    .get("/compute/v1/projects/shop-42/aggregated/instances?maxResults=500")
    .reply(200, {
      items: {
        "zones/europe-west1-b": {
          instances: [vm("a", "10.0.0.1"), vm("off", "10.0.0.2", "TERMINATED")],
        },
        "zones/europe-west1-c": { warning: { code: "NO_RESULTS_ON_PAGE" } },
      },
      nextPageToken: "p2",
    })
    .get("/compute/v1/projects/shop-42/aggregated/instances?maxResults=500&pageToken=p2")
    .reply(200, { items: { "zones/europe-west1-b": { instances: [vm("b", "10.0.0.3")] } } });
  const config = { nic: "nic1", labels: { role: "docker" }, tags: ["docker"] };
  expect(await urlsOf(gceProvider(settings({}, config)))).toEqual([
    "tcp://10.0.0.1:2375",
    "tcp://10.0.0.3:2375",
  ]);
});

test("gce takes a zone that does not answer for half an answer", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = {
    type: "service_account",
    project_id: "shop-42",
    client_email: "lh@shop-42.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    token_uri: "https://oauth2.googleapis.com/token",
  };
  nock("https://oauth2.googleapis.com")
    .post("/token", (body: Record<string, string>) => body["assertion"]?.split(".").length === 3)
    .reply(200, { access_token: "t", expires_in: 3599, token_type: "Bearer" });
  nock("https://compute.googleapis.com")
    .get(/aggregated\/instances/)
    .reply(200, { items: {}, unreachables: ["projects/shop-42/zones/us-east1-b"] });
  const provider = gceProvider(settings({ "key.json": JSON.stringify(key) }));
  await expect(provider.find(soon())).rejects.toThrow("us-east1-b does not answer");
});

test("digitalocean lists pages by the token of the Secret, whatever link the answer gives", async () => {
  const droplet = (id: number, ip: string, status = "active") => ({
    id,
    name: `droplet-${id}`,
    status,
    tags: ["docker"],
    region: { slug: "nyc3", name: "New York 3" },
    size_slug: "s-1vcpu-1gb",
    networks: {
      v4: [
        { ip_address: "203.0.113.5", netmask: "255.255.240.0", type: "public" },
        { ip_address: ip, netmask: "255.255.240.0", type: "private" },
      ],
      v6: [],
    },
  });
  nock("https://api.digitalocean.com", { reqheaders: { authorization: "Bearer dop_v1_x" } })
    .get("/v2/droplets?per_page=200&page=1")
    .reply(200, {
      droplets: [droplet(1, "10.10.0.1"), droplet(2, "10.10.0.2", "off")],
      links: { pages: { next: "https://evil.example/v2/droplets?page=2" } },
    })
    .get("/v2/droplets?per_page=200&page=2")
    .reply(200, { droplets: [droplet(3, "10.10.0.3")], links: {} });
  const provider = digitalOceanProvider(settings({ token: "dop_v1_x\n" }, { tags: ["docker"] }));
  expect(await urlsOf(provider)).toEqual(["tcp://10.10.0.1:2375", "tcp://10.10.0.3:2375"]);
});

test("digitalocean says that it needs a token", async () => {
  await expect(digitalOceanProvider(settings({})).find(soon())).rejects.toThrow(
    "set spec.credentialsRef of the Beacon to a Secret whose key token",
  );
});

test("ec2 asks by IMDSv2 for the keys of the role, and lists the machine's region", async () => {
  const instance = (id: string, ip: string, state: string): string =>
    `<item><instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState>
     <privateIpAddress>${ip}</privateIpAddress><tagSet><item><key>role</key><value>docker</value></item></tagSet>
     <networkInterfaceSet>
       <item><networkInterfaceId>eni-2</networkInterfaceId><privateIpAddress>10.2.0.9</privateIpAddress><attachment><deviceIndex>1</deviceIndex></attachment></item>
       <item><networkInterfaceId>eni-1</networkInterfaceId><privateIpAddress>${ip}</privateIpAddress><attachment><deviceIndex>0</deviceIndex></attachment></item>
     </networkInterfaceSet></item>`;
  const page = (instances: string, more = ""): string =>
    `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet>${instances}</instancesSet></item></reservationSet>${more}</DescribeInstancesResponse>`;
  nock(metadata, { reqheaders: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } })
    .put("/latest/api/token")
    .reply(200, "AQAEtoken==");
  nock(metadata, { reqheaders: { "x-aws-ec2-metadata-token": "AQAEtoken==" } })
    .get("/latest/meta-data/iam/security-credentials/")
    .reply(200, "docker-hosts")
    .get("/latest/meta-data/iam/security-credentials/docker-hosts")
    .reply(200, { Code: "Success", AccessKeyId: "ASIA1", SecretAccessKey: "s", Token: "tok" })
    .get("/latest/dynamic/instance-identity/document")
    .reply(200, { region: "eu-west-1", instanceId: "i-1234567890abcdef0" });
  const signed = /^AWS4-HMAC-SHA256 Credential=ASIA1\/20260101\/eu-west-1\/ec2\/aws4_request/;
  const reqheaders = { authorization: signed, "x-amz-security-token": "tok" };
  const asks = (token: string | undefined) => (body: Record<string, string>) =>
    body["Action"] === "DescribeInstances" && body["NextToken"] === token;
  nock("https://ec2.eu-west-1.amazonaws.com", { reqheaders })
    .post("/", asks(undefined))
    .reply(200, page(instance("i-1", "10.0.0.1", "running"), "<nextToken>n2</nextToken>"))
    .post("/", asks("n2"))
    .reply(
      200,
      page(instance("i-2", "10.0.0.2", "terminated") + instance("i-3", "10.0.0.3", "pending")),
    );
  const config = { labels: { role: "docker" } };
  const provider = ec2Provider({ ...settings({}, config), clock: manualClock() });
  expect(await urlsOf(provider)).toEqual(["tcp://10.0.0.1:2375", "tcp://10.0.0.3:2375"]);
});

test("ec2 takes keys of the Secret, and names a role that may not list", async () => {
  const secret = { accessKeyId: "AKIA1", secretAccessKey: "s", region: "us-east-1" };
  nock("https://ec2.us-east-1.amazonaws.com")
    .post("/")
    .reply(
      403,
      "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation.</Message></Error></Errors></Response>",
    );
  const provider = ec2Provider({ ...settings(secret), clock: manualClock() });
  await expect(provider.find(soon())).rejects.toMatchObject({
    reason: "Forbidden",
    message: expect.stringContaining("You are not authorized") as string,
  });
});

test("azure joins machines, interfaces and public addresses, and goes to no other host", async () => {
  const scope = "/subscriptions/8d10da13/providers";
  const nicId =
    "/subscriptions/8d10da13/resourceGroups/RG/providers/Microsoft.Network/networkInterfaces/n1";
  const addressId =
    "/subscriptions/8d10da13/resourceGroups/rg/providers/Microsoft.Network/publicIPAddresses/p1";
  nock(metadata, { reqheaders: { metadata: "true" } })
    .get(
      "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F",
    )
    .reply(200, { access_token: "eyJ0", expires_in: "3599", token_type: "Bearer" })
    .get("/metadata/instance?api-version=2021-02-01")
    .reply(200, {
      compute: { azEnvironment: "AzurePublicCloud", subscriptionId: "8d10da13", vmId: "v" },
    });
  nock("https://management.azure.com", { reqheaders: { authorization: "Bearer eyJ0" } })
    .get(`${scope}/Microsoft.Compute/virtualMachines?api-version=2024-07-01`)
    .reply(200, {
      value: [
        {
          name: "vm-1",
          location: "westeurope",
          zones: ["2"],
          tags: { role: "docker" },
          properties: {
            provisioningState: "Succeeded",
            hardwareProfile: { vmSize: "Standard_B1s" },
            networkProfile: { networkInterfaces: [{ id: nicId.toLowerCase() }] },
          },
        },
      ],
    })
    .get(`${scope}/Microsoft.Network/networkInterfaces?api-version=2024-05-01`)
    .reply(200, {
      value: [
        {
          id: nicId,
          name: "n1",
          properties: {
            ipConfigurations: [
              { properties: { privateIPAddress: "10.0.0.4", publicIPAddress: { id: addressId } } },
            ],
          },
        },
      ],
    })
    .get(`${scope}/Microsoft.Network/publicIPAddresses?api-version=2024-05-01`)
    .reply(200, { value: [{ id: addressId, properties: { ipAddress: "198.51.100.4" } }] });
  const [host] = await azureProvider(settings({}, { publicAddress: true })).find(soon());
  expect(host).toMatchObject({
    url: "tcp://198.51.100.4:2375",
    labels: { "topology.kubernetes.io/zone": "westeurope-2" },
  });
});

test("azure logs in as the principal of the Secret, and follows no page to another host", async () => {
  const secret = { tenantId: "t", clientId: "c", clientSecret: "s3cret", subscriptionId: "sub" };
  nock("https://login.microsoftonline.com")
    .post(
      "/t/oauth2/v2.0/token",
      (body: Record<string, string>) => body["client_secret"] === "s3cret",
    )
    .reply(200, { access_token: "eyJ0" });
  nock("https://management.azure.com")
    .get(/virtualMachines/)
    .reply(200, { value: [], nextLink: "https://evil.example/next" })
    .get(/networkInterfaces/)
    .reply(200, { value: [] });
  await expect(azureProvider(settings(secret)).find(soon())).rejects.toThrow("at another host");
});

test("azure says that a login was refused, without the secret", async () => {
  const secret = { tenantId: "t", clientId: "c", clientSecret: "s3cret" };
  nock("https://login.microsoftonline.com").post("/t/oauth2/v2.0/token").reply(400, {
    error: "invalid_client",
    error_description: "AADSTS7000215: Invalid client secret",
  });
  const err: unknown = await azureProvider(settings(secret))
    .find(soon())
    .catch((why: unknown) => why);
  expect(err).toMatchObject({ reason: "Unauthorized" });
  expect(String(err)).toContain("AADSTS7000215");
  expect(String(err)).not.toContain("s3cret");
});

const all = (): readonly Provider[] => [
  gceProvider(settings({})),
  digitalOceanProvider(settings({})),
  ec2Provider({ ...settings({}), clock: manualClock() }),
  azureProvider(settings({})),
];
const here = async (): Promise<readonly string[]> => {
  const answers = await Promise.all(all().map((one) => one.isHere(soon())));
  return all().flatMap(({ name }, index) => (answers[index] === true ? name : []));
};

test("a service that answers everything with 200 is none of the four", async () => {
  nock(metadata).persist().get(/.*/).reply(200, "id\nhostname\n").put(/.*/).reply(200, "ok");
  expect(await here()).toEqual([]);
  nock.cleanAll();
});

test("a redirect of the metadata service is not followed", async () => {
  nock(metadata)
    .persist()
    .get(/.*/)
    .reply(302, "", { Location: "https://evil.example/" })
    .put(/.*/)
    .reply(302);
  expect(await here()).toEqual([]);
  nock.cleanAll();
});

test.each([
  ["gce", "/computeMetadata/v1/instance/id", "4711", { "Metadata-Flavor": "Google" }],
  [
    "digitalocean",
    "/metadata/v1.json",
    JSON.stringify({ droplet_id: 2756294, region: "nyc3" }),
    {},
  ],
  [
    "azure",
    "/metadata/instance?api-version=2021-02-01",
    JSON.stringify({ compute: { azEnvironment: "AzurePublicCloud", vmId: "v" } }),
    {},
  ],
])("the document of %s proves it, and it alone", async (name, path, body, headers) => {
  nock(metadata).persist().get(path).reply(200, body, headers);
  nock(metadata).persist().get(/.*/).reply(404).put(/.*/).reply(404);
  expect(await here()).toEqual([name]);
  nock.cleanAll();
});
