import {
  amazon,
  azureCloud,
  digitalOcean,
  googleCloud,
  startCloudApi,
} from "../../../test/kit/cloud-apis.ts";
import {
  providerConformance,
  type ProviderFault,
  type ProviderHarness,
} from "../../../test/conformance/provider.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import type { Provider } from "../provider.ts";
import { azureProvider } from "./azure.ts";
import { digitalOceanProvider } from "./digitalocean.ts";
import { ec2Provider } from "./ec2.ts";
import { gceProvider } from "./gce.ts";
import type { CloudSettings } from "./machine.ts";

const faults: readonly ProviderFault[] = [
  "refuse",
  "hang",
  "half",
  "garbage",
  "lastPage",
  "credentials",
];

const settings: CloudSettings = {
  config: {},
  engine: { scheme: "tcp" },
  credentials: async () => ({ token: "t0ken" }),
};

const harnessOf =
  (kind: Parameters<typeof startCloudApi>[0], open: (url: string) => Provider) =>
  async (): Promise<ProviderHarness> => {
    const api = await startCloudApi(kind);
    return {
      provider: open(api.url),
      hold: (numbers) => void (api.machines = numbers),
      url: (number) => `tcp://10.0.0.${number}:2375`,
      break: (fault) => void (api.fault = fault),
      mend: () => void (api.fault = undefined),
      [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
    };
  };

const at = (url: string) => ({ ...settings, metadataUrl: url, apiUrl: url });

providerConformance(
  "gce",
  { faults, twice: "once" },
  harnessOf(googleCloud, (url) => gceProvider(at(url))),
);
providerConformance(
  "digitalocean",
  { faults, twice: "once" },
  harnessOf(digitalOcean, (url) => digitalOceanProvider(at(url))),
);
providerConformance(
  "ec2",
  { faults, twice: "once" },
  harnessOf(amazon, (url) => ec2Provider({ ...at(url), clock: systemClock, apiUrl: () => url })),
);
providerConformance(
  "azure",
  { faults, twice: "once" },
  harnessOf(azureCloud, (url) => azureProvider(at(url))),
);
