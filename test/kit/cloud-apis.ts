import type { ServerResponse } from "node:http";
import type { Received } from "./http-server.ts";
import { httpServer, sendJson } from "./http-server.ts";

/** How a cloud misbehaves: for every call, or for the last page of its list alone. */
export type CloudFault = "refuse" | "hang" | "half" | "credentials" | "lastPage" | "garbage";

/** A cloud's metadata service and API on one port. */
export type CloudApi = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** Numbers of its machines, 1 to 250; machine N has the address 10.0.0.N. */
  machines: readonly number[];
  fault: CloudFault | undefined;
};

/** What one kind of cloud answers. Pages hold two machines. */
type Cloud = {
  /** A call of the list; everything else is metadata and logins. */
  isList(request: Received): boolean;
  /** From 0. */
  pageOf(request: Received): number;
  list(page: Page): string;
  /** The answer to any other call; `undefined` is a 404. */
  other(request: Received, response: ServerResponse): string | undefined;
  /** Whether the token or signature of a list call is right. */
  isAllowed(request: Received): boolean;
  /** How a wrong one is refused. */
  readonly denied: { readonly status: number; readonly body: string };
};

type Page = {
  readonly numbers: readonly number[];
  /** Number of the next page, if there is one. */
  readonly next: number | undefined;
  readonly url: URL;
  readonly origin: string;
};

const perPage = 2;
const address = (number: number): string => `10.0.0.${number}`;
const json = (value: unknown): string => JSON.stringify(value);

const bearer = ({ headers }: Received): string => headers.authorization ?? "";

/** cloud.google.com/compute/docs/reference/rest/v1/instances/aggregatedList, and its metadata server. */
export const googleCloud: Cloud = {
  isList: ({ url }) => url.pathname.endsWith("/aggregated/instances"),
  pageOf: ({ url }) => Number(url.searchParams.get("pageToken") ?? 0),
  list: ({ numbers, next }) =>
    json({
      kind: "compute#instanceAggregatedList",
      items: {
        "zones/europe-west1-b": {
          instances: numbers.map((number) => ({
            id: String(number),
            name: `vm-${number}`,
            status: "RUNNING",
            zone: "https://www.googleapis.com/compute/v1/projects/shop-42/zones/europe-west1-b",
            networkInterfaces: [{ name: "nic0", networkIP: address(number) }],
          })),
        },
        "zones/us-east1-b": { warning: { code: "NO_RESULTS_ON_PAGE" } },
      },
      ...(next === undefined ? {} : { nextPageToken: String(next) }),
    }),
  other: ({ url, headers }, response) => {
    if (headers["metadata-flavor"] !== "Google") return undefined;
    response.setHeader("Metadata-Flavor", "Google");
    if (url.pathname.endsWith("/instance/id")) return "4711";
    if (url.pathname.endsWith("/project/project-id")) return "shop-42";
    if (url.pathname.endsWith("/default/token")) return json({ access_token: "t0ken" });
    return undefined;
  },
  isAllowed: (request) => bearer(request) === "Bearer t0ken",
  denied: { status: 401, body: json({ error: { code: 401, message: "Request had invalid" } }) },
};

/** docs.digitalocean.com/reference/api/digitalocean/#tag/Droplets, and its metadata service. */
export const digitalOcean: Cloud = {
  isList: ({ url }) => url.pathname === "/v2/droplets",
  pageOf: ({ url }) => Number(url.searchParams.get("page")) - 1,
  list: ({ numbers, next, origin }) =>
    json({
      droplets: numbers.map((number) => ({
        id: number,
        name: `droplet-${number}`,
        status: "active",
        size_slug: "s-1vcpu-1gb",
        region: { slug: "nyc3" },
        tags: ["web"],
        networks: { v4: [{ ip_address: address(number), type: "private" }], v6: [] },
      })),
      links: next === undefined ? {} : { pages: { next: `${origin}/v2/droplets?page=${next}` } },
      meta: { total: 9 },
    }),
  other: ({ url }) =>
    url.pathname === "/metadata/v1.json"
      ? json({ droplet_id: 2756294, hostname: "sample-droplet", region: "nyc3" })
      : undefined,
  isAllowed: (request) => bearer(request) === "Bearer t0ken",
  denied: {
    status: 401,
    body: json({ id: "Unauthorized", message: "Unable to authenticate you" }),
  },
};

const metadataToken = "AQAEAL0Ci-token==";

/** docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html, and IMDSv2. */
export const amazon: Cloud = {
  isList: ({ method, url }) => method === "POST" && url.pathname === "/",
  pageOf: ({ body }) => Number(new URLSearchParams(body).get("NextToken") ?? 0),
  list: ({ numbers, next }) => `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
  <reservationSet>${numbers
    .map(
      (number) => `<item><instancesSet><item>
        <instanceId>i-00000000${number}</instanceId>
        <instanceState><code>16</code><name>running</name></instanceState>
        <instanceType>t3.micro</instanceType>
        <placement><availabilityZone>eu-west-1a</availabilityZone><groupName/></placement>
        <tagSet><item><key>Name</key><value>vm ${number} &amp; co</value></item></tagSet>
        <networkInterfaceSet><item>
          <networkInterfaceId>eni-${number}</networkInterfaceId>
          <privateIpAddress>${address(number)}</privateIpAddress>
          <attachment><deviceIndex>0</deviceIndex></attachment>
        </item></networkInterfaceSet>
      </item></instancesSet></item>`,
    )
    .join("")}</reservationSet>${next === undefined ? "" : `<nextToken>${next}</nextToken>`}
</DescribeInstancesResponse>`,
  other: ({ method, url, headers }) => {
    const isToken = method === "PUT" && url.pathname === "/latest/api/token";
    if (isToken) return headers["x-aws-ec2-metadata-token-ttl-seconds"] ? metadataToken : undefined;
    if (headers["x-aws-ec2-metadata-token"] !== metadataToken) return undefined;
    if (url.pathname.endsWith("/instance-identity/document"))
      return json({ instanceId: "i-1234567890abcdef0", region: "eu-west-1" });
    if (url.pathname.endsWith("/security-credentials/")) return "docker-hosts";
    if (url.pathname.endsWith("/security-credentials/docker-hosts"))
      return json({ Code: "Success", AccessKeyId: "ASIA1", SecretAccessKey: "s", Token: "t" });
    return undefined;
  },
  isAllowed: (request) => bearer(request).includes("Credential=ASIA1/"),
  denied: {
    status: 401,
    body: "<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message></Error></Errors></Response>",
  },
};

const subscription = "/subscriptions/8d10da13/providers";
const nicId = (number: number): string =>
  `${subscription}/Microsoft.Network/networkInterfaces/nic-${number}`;

/** learn.microsoft.com/rest/api/compute/virtual-machines/list-all, the same of networks, and IMDS. */
export const azureCloud: Cloud = {
  isList: ({ url }) => url.pathname.startsWith("/subscriptions/"),
  pageOf: ({ url }) => Number(url.searchParams.get("$skiptoken") ?? 0),
  list: ({ numbers, next, url, origin }) => {
    const more = new URL(`${url.pathname}${url.search}`, origin);
    more.searchParams.set("$skiptoken", String(next));
    const machines = (number: number): object => ({
      id: `${subscription}/Microsoft.Compute/virtualMachines/vm-${number}`,
      name: `vm-${number}`,
      location: "westeurope",
      zones: ["1"],
      properties: {
        provisioningState: "Succeeded",
        hardwareProfile: { vmSize: "Standard_B1s" },
        networkProfile: { networkInterfaces: [{ id: nicId(number).toUpperCase() }] },
      },
    });
    const nics = (number: number): object => ({
      id: nicId(number),
      name: `nic-${number}`,
      properties: { ipConfigurations: [{ properties: { privateIPAddress: address(number) } }] },
    });
    const isNics = url.pathname.endsWith("networkInterfaces");
    return json({
      value: numbers.map(isNics ? nics : machines),
      ...(next === undefined ? {} : { nextLink: more.href }),
    });
  },
  other: ({ url, headers }) => {
    if (headers["metadata"] !== "true") return undefined;
    if (url.pathname === "/metadata/instance") {
      const compute = { azEnvironment: "AzurePublicCloud", vmId: "v", subscriptionId: "8d10da13" };
      return json({ compute });
    }
    return url.pathname.endsWith("/oauth2/token") ? json({ access_token: "t0ken" }) : undefined;
  },
  isAllowed: (request) => bearer(request) === "Bearer t0ken",
  denied: {
    status: 403,
    body: json({ error: { code: "AuthorizationFailed", message: "does not have authorization" } }),
  },
};

function answerList(cloud: Cloud, api: CloudApi, request: Received, response: ServerResponse) {
  if (api.fault === "credentials" || !cloud.isAllowed(request)) {
    response.writeHead(cloud.denied.status).end(cloud.denied.body);
    return;
  }
  const page = cloud.pageOf(request);
  const numbers = api.machines.slice(page * perPage, (page + 1) * perPage);
  const hasMore = api.machines.length > (page + 1) * perPage;
  const next = hasMore ? page + 1 : undefined;
  if (api.fault === "lastPage" && !hasMore) {
    sendJson(response, 500, {});
    return;
  }
  const body = cloud.list({ numbers, next, url: request.url, origin: api.url });
  if (api.fault === "half") {
    response.writeHead(200, { "Content-Length": Buffer.byteLength(body) });
    response.write(body.slice(0, body.length / 2));
    setImmediate(() => response.destroy());
    return;
  }
  response.end(api.fault === "garbage" ? body.slice(0, body.length / 2) : body);
}

/** Starts a cloud of that kind, without machines. */
export async function startCloudApi(cloud: Cloud): Promise<CloudApi> {
  const server = await httpServer((request, response) => {
    if (api.fault === "hang") return;
    if (api.fault === "refuse") {
      response.writeHead(503).end();
    } else if (cloud.isList(request)) {
      answerList(cloud, api, request, response);
    } else {
      const body = cloud.other(request, response);
      response.writeHead(body === undefined ? 404 : 200).end(body ?? "");
    }
  });
  const api: CloudApi = {
    url: server.url,
    received: server.received,
    machines: [],
    fault: undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return api;
}
