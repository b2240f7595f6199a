import { StatusError, unavailable } from "../../../api/machinery/errors.ts";
import type { DockerHost, Provider } from "../provider.ts";
import type { Credentials } from "../settings.ts";
import { askJson, at, exchange, form, listAt, textAt, textsAt } from "./http.ts";
import { type CloudSettings, type Machine, type Nic, toHosts } from "./machine.ts";

/** Where Azure answers; for tests. */
export type AzureOptions = CloudSettings & {
  /** Default `http://169.254.169.254`. */
  readonly metadataUrl?: string;
  /** Default `https://management.azure.com`. */
  readonly apiUrl?: string;
  /** Default `https://login.microsoftonline.com`. */
  readonly loginUrl?: string;
};

const name = "azure";
const metadataMs = 2_000;
const maxPages = 1_000;
const resource = "https://management.azure.com/";
const machinesPath = "Microsoft.Compute/virtualMachines?api-version=2024-07-01";
const nicsPath = "Microsoft.Network/networkInterfaces?api-version=2024-05-01";
const addressesPath = "Microsoft.Network/publicIPAddresses?api-version=2024-05-01";

/** Resource ids differ in case from one answer to the next. */
const idAt = (value: unknown, ...keys: readonly (string | number)[]): string =>
  textAt(value, ...keys).toLowerCase();

function nicOf(wire: unknown, addresses: ReadonlyMap<string, string>): Nic {
  const configs = listAt(wire, "properties", "ipConfigurations");
  const first = (config: unknown): number => (at(config, "properties", "primary") === true ? 0 : 1);
  const sorted = configs.toSorted((one, other) => first(one) - first(other));
  const publicIds = sorted.map((config) => idAt(config, "properties", "publicIPAddress", "id"));
  return {
    name: textAt(wire, "name"),
    privateAddresses: sorted.map((config) => textAt(config, "properties", "privateIPAddress")),
    publicAddresses: publicIds.flatMap((id) => addresses.get(id) ?? []),
  };
}

function machineOf(wire: unknown, nics: ReadonlyMap<string, Nic>): Machine | undefined {
  if (textAt(wire, "properties", "provisioningState") === "Deleting") return undefined;
  const region = textAt(wire, "location");
  const zone = textAt(wire, "zones", 0);
  const links = listAt(wire, "properties", "networkProfile", "networkInterfaces");
  const first = (link: unknown): number => (at(link, "properties", "primary") === false ? 1 : 0);
  return {
    name: textAt(wire, "name"),
    region,
    // Zones are numbers, and those of two regions are not the same.
    zone: zone === "" ? "" : `${region}-${zone}`,
    type: textAt(wire, "properties", "hardwareProfile", "vmSize"),
    labels: textsAt(wire, "tags"),
    tags: [],
    nics: links
      .toSorted((one, other) => first(one) - first(other))
      .flatMap((link) => nics.get(idAt(link, "id")) ?? []),
  };
}

class Azure implements Provider {
  readonly name = name;
  readonly #options: AzureOptions;
  readonly #metadataUrl: string;
  readonly #apiUrl: string;

  constructor(options: AzureOptions) {
    this.#options = options;
    this.#metadataUrl = options.metadataUrl ?? "http://169.254.169.254";
    this.#apiUrl = options.apiUrl ?? "https://management.azure.com";
  }

  async #metadata(path: string, signal: AbortSignal): Promise<unknown> {
    const doing = "read the metadata of azure";
    const url = `${this.#metadataUrl}/metadata/${path}`;
    const headers = { Metadata: "true" };
    const answer = await exchange({ url, headers, doing, timeoutMs: metadataMs, signal });
    if (answer.status === 200) return JSON.parse(answer.text);
    throw unavailable(`Cannot ${doing}: it answers ${answer.status}`);
  }

  #instance(signal: AbortSignal): Promise<unknown> {
    return this.#metadata("instance?api-version=2021-02-01", signal);
  }

  async isHere(signal: AbortSignal): Promise<boolean> {
    try {
      const instance = await this.#instance(signal);
      const environment = textAt(instance, "compute", "azEnvironment");
      return environment.startsWith("Azure") && textAt(instance, "compute", "vmId") !== "";
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /** Of the service principal in the Secret, else of the machine's managed identity. */
  async #token(secret: Credentials, signal: AbortSignal): Promise<string> {
    const { tenantId, clientId, clientSecret } = secret;
    if (tenantId === undefined || clientId === undefined || clientSecret === undefined)
      return this.#ownToken(signal);
    const host = this.#options.loginUrl ?? "https://login.microsoftonline.com";
    const url = `${host}/${encodeURIComponent(tenantId.trim())}/oauth2/v2.0/token`;
    const body = form({
      grant_type: "client_credentials",
      client_id: clientId.trim(),
      client_secret: clientSecret.trim(),
      scope: `${resource}.default`,
    });
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const doing = `log in to azure as ${clientId.trim()}`;
    return textAt(
      await askJson({ method: "POST", url, headers, body, doing, signal }).catch((err: unknown) => {
        throw asRefusedLogin(err);
      }),
      "access_token",
    );
  }

  async #ownToken(signal: AbortSignal): Promise<string> {
    const query = `api-version=2018-02-01&resource=${encodeURIComponent(resource)}`;
    const token = textAt(
      await this.#metadata(`identity/oauth2/token?${query}`, signal),
      "access_token",
    );
    if (token !== "") return token;
    throw new StatusError(
      "NotFound",
      "Cannot use the identity of this machine: it has none; assign a managed identity with the role " +
        "Reader, or set spec.credentialsRef of the Beacon",
    );
  }

  /** All pages of a list; the next one must be at the same place, where the token may go. */
  async #list(path: string, token: string, signal: AbortSignal): Promise<readonly unknown[]> {
    const doing = `list ${path.replace(/\?.*$/, "")} of azure`;
    const found: unknown[] = [];
    let url = `${this.#apiUrl}${path}`;
    for (let pages = 0; pages < maxPages; pages += 1) {
      const headers = { Authorization: `Bearer ${token}` };
      const page = await askJson({ url, headers, doing, signal });
      found.push(...listAt(page, "value"));
      const next = textAt(page, "nextLink");
      if (next === "") return found;
      if (URL.parse(next)?.origin !== new URL(this.#apiUrl).origin)
        throw unavailable(`Cannot ${doing}: the next page is said to be at another host`);
      url = next;
    }
    throw unavailable(`Cannot ${doing}: more than ${maxPages} pages`);
  }

  async #scope(secret: Credentials, signal: AbortSignal): Promise<string> {
    const given = this.#options.config.scope ?? secret["subscriptionId"]?.trim();
    return given ?? textAt(await this.#instance(signal), "compute", "subscriptionId");
  }

  async find(signal: AbortSignal): Promise<readonly DockerHost[]> {
    const secret = await this.#options.credentials(signal);
    const token = await this.#token(secret, signal);
    const base = `/subscriptions/${encodeURIComponent(await this.#scope(secret, signal))}/providers/`;
    const wantsPublic = this.#options.config.publicAddress === true;
    const [machines, cards, addresses] = await Promise.all([
      this.#list(`${base}${machinesPath}`, token, signal),
      this.#list(`${base}${nicsPath}`, token, signal),
      wantsPublic ? this.#list(`${base}${addressesPath}`, token, signal) : [],
    ]);
    const byId = new Map(
      addresses.map((one) => [idAt(one, "id"), textAt(one, "properties", "ipAddress")]),
    );
    const nics = new Map(cards.map((card) => [idAt(card, "id"), nicOf(card, byId)]));
    const found = machines.flatMap((machine) => machineOf(machine, nics) ?? []);
    return toHosts(name, found, this.#options, secret);
  }
}

/** Entra answers 400 to a tenant or client that is none, and 401 to a wrong secret. */
function asRefusedLogin(err: unknown): unknown {
  if (!(err instanceof StatusError) || err.reason !== "BadRequest") return err;
  return new StatusError("Unauthorized", err.message, { cause: err });
}

/** Microsoft Azure: all machines of a subscription, with the machine's identity or a principal. */
export function azureProvider(options: AzureOptions): Provider {
  return new Azure(options);
}
