import type { NetworkRequest, SimulatedNetwork } from "./network-store.ts";
import { filtersOf, type Handler, route, type Route } from "./router.ts";
import type { World } from "./world.ts";

function matches(
  { Name, Labels, Id }: SimulatedNetwork,
  filters: ReadonlyMap<string, readonly string[]>,
): boolean {
  const has = (name: string, test: (value: string) => boolean): boolean =>
    filters.get(name)?.some(test) ?? true;
  const hasLabel = (wanted: string): boolean => {
    const [key = "", ...value] = wanted.split("=");
    return key in Labels && (value.length === 0 || Labels[key] === value.join("="));
  };
  return (
    (filters.get("label") ?? []).every(hasLabel) &&
    has("name", (name) => Name.includes(name)) &&
    has("id", (id) => Id.startsWith(id))
  );
}

/** Networks, as far as a control plane uses them. */
export function networkRoutes(world: World): readonly Route[] {
  const { networks } = world;
  const list: Handler = async ({ query }) => {
    const filters = filtersOf(query);
    return { status: 200, body: networks.list().filter((one) => matches(one, filters)) };
  };
  return [
    route("GET", "/networks", list),
    route("POST", "/networks/create", async (call) => {
      const { Id } = networks.create((await call.json()) as NetworkRequest);
      return { status: 201, body: { Id, Warning: "" } };
    }),
    route("GET", "/networks/:id", async ({ params: [id = ""] }) => ({
      status: 200,
      body: networks.find(id),
    })),
    route("DELETE", "/networks/:id", async ({ params: [id = ""] }) => {
      networks.remove(id);
      return { status: 204 };
    }),
  ];
}
