import type { Clock } from "../../../api/machinery/clock.ts";
import { StatusError, unavailable } from "../../../api/machinery/errors.ts";
import type { DockerHost, Provider } from "../provider.ts";
import type { Credentials } from "../settings.ts";
import { type AwsKeys, signAws } from "./aws-signature.ts";
import { type Answer, type Call, exchange, form, refusal, textAt } from "./http.ts";
import { type CloudSettings, type Machine, type Nic, toHosts } from "./machine.ts";
import { all, type Element, parseXml, textOf } from "./xml.ts";

/** Where EC2 answers; for tests. */
export type Ec2Options = CloudSettings & {
  readonly clock: Clock;
  /** Default `http://169.254.169.254`. */
  readonly metadataUrl?: string;
  /** Default `https://ec2.REGION.amazonaws.com`. */
  readonly apiUrl?: (region: string) => string;
};

const name = "ec2";
const metadataMs = 2_000;
const maxPages = 1_000;
const alive = new Set(["pending", "running"]);
/** Of IMDSv2 tokens; one look takes one. */
const tokenSeconds = "60";

function nicOf(wire: Element): Nic {
  const addresses = all(wire, "privateIpAddressesSet", "item");
  return {
    name: textOf(wire, "networkInterfaceId"),
    privateAddresses: [
      textOf(wire, "privateIpAddress"),
      ...addresses.map((one) => textOf(one, "privateIpAddress")),
    ],
    publicAddresses: [
      textOf(wire, "association", "publicIp"),
      ...addresses.map((one) => textOf(one, "association", "publicIp")),
    ],
  };
}

const deviceIndex = (wire: Element): number => Number(textOf(wire, "attachment", "deviceIndex"));

function machineOf(wire: Element, region: string): Machine | undefined {
  if (!alive.has(textOf(wire, "instanceState", "name"))) return undefined;
  const tags = all(wire, "tagSet", "item");
  const nics = all(wire, "networkInterfaceSet", "item");
  return {
    name: textOf(wire, "instanceId"),
    region,
    zone: textOf(wire, "placement", "availabilityZone"),
    type: textOf(wire, "instanceType"),
    labels: Object.fromEntries(tags.map((tag) => [textOf(tag, "key"), textOf(tag, "value")])),
    tags: [],
    nics: nics.toSorted((one, other) => deviceIndex(one) - deviceIndex(other)).map(nicOf),
  };
}

/** Codes by which AWS refuses keys with a status that says little. */
const badKeys =
  /^(AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch|RequestExpired|ExpiredToken|UnrecognizedClient)/;

function readXml(call: Call, answer: Answer): Element {
  try {
    return parseXml(answer.text);
  } catch (cause) {
    if (answer.status !== 200) throw refusal(call, answer, "");
    throw unavailable(`Cannot ${call.doing}: the answer is not whole XML`, { cause });
  }
}

function accept(call: Call, answer: Answer): Element {
  const document = readXml(call, answer);
  if (answer.status === 200 && document.name === "DescribeInstancesResponse") return document;
  const code = textOf(document, "Errors", "Error", "Code");
  const words = `${code}: ${textOf(document, "Errors", "Error", "Message")}`;
  if (badKeys.test(code)) throw refusal(call, { ...answer, status: 401 }, words);
  if (code === "UnauthorizedOperation") throw refusal(call, { ...answer, status: 403 }, words);
  throw refusal(call, answer, words);
}

/** Questions to the metadata service with one IMDSv2 token. */
type Metadata = (path: string) => Promise<string>;

class Ec2 implements Provider {
  readonly name = name;
  readonly #options: Ec2Options;
  readonly #metadataUrl: string;

  constructor(options: Ec2Options) {
    this.#options = options;
    this.#metadataUrl = options.metadataUrl ?? "http://169.254.169.254";
  }

  /** IMDSv2 alone: the token can only be had by PUT, which no forged GET can make anybody do. */
  async #metadata(signal: AbortSignal): Promise<Metadata> {
    const ask = async (call: Omit<Call, "doing" | "signal" | "timeoutMs">, what: string) => {
      const doing = `read ${what} from the metadata service of ec2`;
      const answer = await exchange({ ...call, doing, timeoutMs: metadataMs, signal });
      if (answer.status === 200) return answer.text;
      throw unavailable(`Cannot ${doing}: it answers ${answer.status}`);
    };
    const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": tokenSeconds };
    const url = `${this.#metadataUrl}/latest/api/token`;
    const token = (await ask({ method: "PUT", url, headers: ttl }, "a token")).trim();
    if (!/^[\w+/=-]{1,512}$/.test(token))
      throw unavailable("Cannot use the metadata service of ec2: its token is none");
    const headers = { "X-aws-ec2-metadata-token": token };
    return (path) => ask({ url: `${this.#metadataUrl}/latest/${path}`, headers }, path);
  }

  async #identity(metadata: Metadata): Promise<unknown> {
    return JSON.parse(await metadata("dynamic/instance-identity/document"));
  }

  async isHere(signal: AbortSignal): Promise<boolean> {
    try {
      const identity = await this.#identity(await this.#metadata(signal));
      return /^i-[0-9a-f]+$/.test(textAt(identity, "instanceId"));
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /** Of the Secret, else of the machine's role. */
  async #keys(secret: Credentials, metadata: () => Promise<Metadata>): Promise<AwsKeys> {
    const { accessKeyId, secretAccessKey, sessionToken } = secret;
    if (accessKeyId !== undefined && secretAccessKey !== undefined)
      return {
        accessKeyId: accessKeyId.trim(),
        secretAccessKey: secretAccessKey.trim(),
        ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.trim() }),
      };
    const ask = await metadata();
    const roles = "meta-data/iam/security-credentials/";
    const role = (await ask(roles)).split("\n")[0]?.trim() ?? "";
    const answer: unknown = JSON.parse(await ask(`${roles}${encodeURIComponent(role)}`));
    const keys = {
      accessKeyId: textAt(answer, "AccessKeyId"),
      secretAccessKey: textAt(answer, "SecretAccessKey"),
      sessionToken: textAt(answer, "Token"),
    };
    if (keys.accessKeyId !== "" && keys.secretAccessKey !== "") return keys;
    throw new StatusError(
      "NotFound",
      `Cannot use role "${role}" of this machine: it has no keys; attach a role that allows ` +
        "ec2:DescribeInstances, or set spec.credentialsRef of the Beacon",
    );
  }

  async #regions(secret: Credentials, metadata: () => Promise<Metadata>) {
    const { regions = [] } = this.#options.config;
    if (regions.length > 0) return regions;
    if (secret["region"] !== undefined) return [secret["region"].trim()];
    return [textAt(await this.#identity(await metadata()), "region")];
  }

  async #page(keys: AwsKeys, region: string, nextToken: string, signal: AbortSignal) {
    const { apiUrl, clock } = this.#options;
    const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    const url = new URL(apiUrl?.(region) ?? `https://ec2.${region}.${domain}`);
    const body = form({
      Action: "DescribeInstances",
      Version: "2016-11-15",
      MaxResults: "1000",
      "Filter.1.Name": "instance-state-name",
      "Filter.1.Value.1": "pending",
      "Filter.1.Value.2": "running",
      ...(nextToken === "" ? {} : { NextToken: nextToken }),
    });
    const signing = { region, service: "ec2", host: url.host, body, nowMs: clock.nowMs() };
    const headers = signAws(keys, signing);
    const doing = `list the machines of ec2 in ${region}`;
    const call: Call = { method: "POST", url: url.href, headers, body, doing, signal };
    return accept(call, await exchange(call));
  }

  async #list(keys: AwsKeys, region: string, signal: AbortSignal): Promise<readonly Machine[]> {
    const machines: Machine[] = [];
    let next = "";
    for (let pages = 0; pages < maxPages; pages += 1) {
      const page = await this.#page(keys, region, next, signal);
      const found = all(page, "reservationSet", "item", "instancesSet", "item");
      for (const wire of found) {
        const machine = machineOf(wire, region);
        if (machine !== undefined) machines.push(machine);
      }
      next = textOf(page, "nextToken");
      if (next === "") return machines;
    }
    throw unavailable(`Cannot list the machines of ec2 in ${region}: more than ${maxPages} pages`);
  }

  async find(signal: AbortSignal): Promise<readonly DockerHost[]> {
    const secret = await this.#options.credentials(signal);
    let opened: Promise<Metadata> | undefined;
    const metadata = (): Promise<Metadata> => (opened ??= this.#metadata(signal));
    const keys = await this.#keys(secret, metadata);
    const regions = await this.#regions(secret, metadata);
    const lists = await Promise.all(regions.map((region) => this.#list(keys, region, signal)));
    return toHosts(name, lists.flat(), this.#options, secret);
  }
}

/** Amazon EC2: the agent's own region or those of the Beacon, with the machine's role or keys. */
export function ec2Provider(options: Ec2Options): Provider {
  return new Ec2(options);
}
