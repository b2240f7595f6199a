import { StatusError, unavailable } from "../../../api/machinery/errors.ts";
import type { Provider } from "../provider.ts";
import type { Credentials } from "../settings.ts";
import { at, askJson, exchange, listAt, textAt, textsAt } from "./http.ts";
import { type CloudSettings, type Machine, type Nic, toHosts } from "./machine.ts";
import { serviceAccountToken } from "./google-token.ts";

/** Where GCE answers; for tests. */
export type GceOptions = CloudSettings & {
  /** Default `http://169.254.169.254`. */
  readonly metadataUrl?: string;
  /** Default `https://compute.googleapis.com`. */
  readonly apiUrl?: string;
};

const name = "gce";
const flavor = { "Metadata-Flavor": "Google" };
/** The service is on the machine's own network card: later than this means it is none. */
const metadataMs = 2_000;
const maxPages = 1_000;
/** States of a machine that runs or is about to (compute/docs/instances/instance-life-cycle). */
const alive = new Set(["PROVISIONING", "STAGING", "RUNNING", "REPAIRING"]);

const lastPart = (path: string): string => path.split("/").at(-1) ?? "";

function nicOf(wire: unknown): Nic {
  const ips = (key: string): readonly string[] =>
    listAt(wire, key).map((config) => textAt(config, "natIP"));
  return {
    name: textAt(wire, "name"),
    privateAddresses: [textAt(wire, "networkIP"), textAt(wire, "ipv6Address")],
    publicAddresses: ips("accessConfigs"),
  };
}

function machineOf(wire: unknown): Machine | undefined {
  if (!alive.has(textAt(wire, "status"))) return undefined;
  const zone = lastPart(textAt(wire, "zone"));
  return {
    name: textAt(wire, "name"),
    zone,
    region: zone.replace(/-[a-z]$/, ""),
    type: lastPart(textAt(wire, "machineType")),
    labels: textsAt(wire, "labels"),
    tags: listAt(wire, "tags", "items").filter((tag) => typeof tag === "string"),
    nics: listAt(wire, "networkInterfaces").map(nicOf),
  };
}

class Gce implements Provider {
  readonly name = name;
  readonly #options: GceOptions;
  readonly #metadataUrl: string;
  readonly #apiUrl: string;

  constructor(options: GceOptions) {
    this.#options = options;
    this.#metadataUrl = options.metadataUrl ?? "http://169.254.169.254";
    this.#apiUrl = options.apiUrl ?? "https://compute.googleapis.com";
  }

  /** Asks the metadata service for a path; the answer must carry Google's own header. */
  async #metadata(path: string, signal: AbortSignal): Promise<string> {
    const doing = `read ${path} from the metadata service of gce`;
    const url = `${this.#metadataUrl}/computeMetadata/v1/${path}`;
    const answer = await exchange({ url, headers: flavor, doing, timeoutMs: metadataMs, signal });
    if (answer.headers["metadata-flavor"] !== "Google")
      throw unavailable(`Cannot ${doing}: what answers is not Google's`);
    if (answer.status !== 200) throw unavailable(`Cannot ${doing}: it answers ${answer.status}`);
    return answer.text;
  }

  async isHere(signal: AbortSignal): Promise<boolean> {
    try {
      return /^\d+$/.test((await this.#metadata("instance/id", signal)).trim());
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /** Of the key in the Secret, else of the machine's own service account. */
  async #token(secret: Credentials, signal: AbortSignal): Promise<string> {
    const key = secret["key.json"];
    if (key !== undefined) return serviceAccountToken(key, signal);
    const answer = await this.#metadata("instance/service-accounts/default/token", signal);
    const token = textAt(JSON.parse(answer), "access_token");
    if (token === "") throw unavailable("Cannot use the service account of this machine: no token");
    return token;
  }

  async #project(secret: Credentials, signal: AbortSignal): Promise<string> {
    const { scope } = this.#options.config;
    if (scope !== undefined) return scope;
    const key = secret["key.json"];
    if (key !== undefined) return textAt(JSON.parse(key), "project_id");
    return (await this.#metadata("project/project-id", signal)).trim();
  }

  async #page(
    project: string,
    headers: Readonly<Record<string, string>>,
    pageToken: string,
    signal: AbortSignal,
  ) {
    const url = new URL(
      `${this.#apiUrl}/compute/v1/projects/${encodeURIComponent(project)}/aggregated/instances`,
    );
    url.searchParams.set("maxResults", "500");
    if (pageToken !== "") url.searchParams.set("pageToken", pageToken);
    const doing = `list the machines of gce project ${project}`;
    const page = await askJson({ url: url.href, headers, doing, signal });
    const [unreachable] = listAt(page, "unreachables");
    if (typeof unreachable === "string")
      throw unavailable(`Cannot ${doing}: ${unreachable} does not answer, so some may be missing`);
    return page;
  }

  async find(signal: AbortSignal) {
    const secret = await this.#options.credentials(signal);
    const token = await this.#token(secret, signal);
    const project = await this.#project(secret, signal);
    const headers = { Authorization: `Bearer ${token}` };
    const machines: Machine[] = [];
    let next = "";
    for (let pages = 0; pages < maxPages; pages += 1) {
      const page = await this.#page(project, headers, next, signal);
      const zones = Object.values(at(page, "items") ?? {}) as readonly unknown[];
      const found = zones.flatMap((zone) => listAt(zone, "instances").map(machineOf));
      machines.push(...found.filter((machine) => machine !== undefined));
      next = textAt(page, "nextPageToken");
      if (next === "") return toHosts(name, machines, this.#options, secret);
    }
    throw new StatusError(
      "ServiceUnavailable",
      `Cannot list machines of gce: more than ${maxPages} pages`,
    );
  }
}

/** Google Compute Engine: all zones of a project, with the machine's service account or a key. */
export function gceProvider(options: GceOptions): Provider {
  return new Gce(options);
}
