import { StatusError } from "../../../api/machinery/errors.ts";
import type { Provider } from "../provider.ts";
import { at, askJson, exchange, listAt, textAt } from "./http.ts";
import { type CloudSettings, type Machine, type Nic, toHosts } from "./machine.ts";

/** Where DigitalOcean answers; for tests. */
export type DigitalOceanOptions = CloudSettings & {
  /** Default `http://169.254.169.254`. */
  readonly metadataUrl?: string;
  /** Default `https://api.digitalocean.com`. */
  readonly apiUrl?: string;
};

const name = "digitalocean";
const metadataMs = 2_000;
const perPage = 200;
const maxPages = 1_000;

/** One interface for private and one for public addresses: a droplet has no other. */
function nicsOf(wire: unknown): readonly Nic[] {
  const all = [...listAt(wire, "networks", "v4"), ...listAt(wire, "networks", "v6")];
  const of = (type: string): readonly string[] =>
    all.filter((one) => textAt(one, "type") === type).map((one) => textAt(one, "ip_address"));
  return [
    { name: "private", privateAddresses: of("private"), publicAddresses: of("public") },
    { name: "public", privateAddresses: of("public"), publicAddresses: of("public") },
  ];
}

function machineOf(wire: unknown): Machine | undefined {
  const status = textAt(wire, "status");
  if (status !== "active" && status !== "new") return undefined;
  return {
    name: textAt(wire, "name"),
    region: textAt(wire, "region", "slug"),
    zone: "",
    type: textAt(wire, "size_slug"),
    labels: {},
    tags: listAt(wire, "tags").filter((tag) => typeof tag === "string"),
    nics: nicsOf(wire),
  };
}

class DigitalOcean implements Provider {
  readonly name = name;
  readonly #options: DigitalOceanOptions;

  constructor(options: DigitalOceanOptions) {
    this.#options = options;
  }

  /** Other clouds answer at the same address: only a droplet's own document counts. */
  async isHere(signal: AbortSignal): Promise<boolean> {
    const url = `${this.#options.metadataUrl ?? "http://169.254.169.254"}/metadata/v1.json`;
    const doing = "read the metadata of digitalocean";
    try {
      const { status, text } = await exchange({ url, doing, timeoutMs: metadataMs, signal });
      const document: unknown = status === 200 ? JSON.parse(text) : undefined;
      const isDroplet = typeof at(document, "droplet_id") === "number";
      return isDroplet && textAt(document, "region") !== "";
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  async find(signal: AbortSignal) {
    const secret = await this.#options.credentials(signal);
    const token = secret["token"]?.trim();
    if (token === undefined || token === "")
      throw new StatusError(
        "NotFound",
        "Cannot list droplets: a droplet has no identity of its own; set spec.credentialsRef of the " +
          "Beacon to a Secret whose key token holds an API token with the scope droplet:read",
      );
    const headers = { Authorization: `Bearer ${token}` };
    const machines: Machine[] = [];
    for (let page = 1; page <= maxPages; page += 1) {
      const url = new URL(`${this.#options.apiUrl ?? "https://api.digitalocean.com"}/v2/droplets`);
      url.searchParams.set("per_page", String(perPage));
      url.searchParams.set("page", String(page));
      const doing = "list droplets";
      const answer = await askJson({ url: url.href, headers, doing, signal });
      const found = listAt(answer, "droplets").map(machineOf);
      machines.push(...found.filter((machine) => machine !== undefined));
      // The page is counted, and not taken from the answer: the token goes to this address alone.
      if (textAt(answer, "links", "pages", "next") === "")
        return toHosts(name, machines, this.#options, secret);
    }
    throw new StatusError(
      "ServiceUnavailable",
      `Cannot list droplets: more than ${maxPages} pages`,
    );
  }
}

/** DigitalOcean: all droplets that a token may list. */
export function digitalOceanProvider(options: DigitalOceanOptions): Provider {
  return new DigitalOcean(options);
}
