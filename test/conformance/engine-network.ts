import { expect, test } from "vitest";
import type { HostConfigSpec } from "../../agent/engine/container-spec.ts";
import { hostRoutes } from "../../agent/networks/host-routes.ts";
import { defaultRange, freeSubnet } from "../../agent/networks/subnets.ts";
import { testImages } from "../kit/images.ts";
import { fetchText, freshName, inspect, type Start } from "./engine-kit.ts";

const publish = (hostPort: number): HostConfigSpec => ({
  PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(hostPort) }] },
});

/** Addresses, published ports, shared networks, mounts and health. */
export function engineNetwork(start: Start): void {
  test("a running container has an address that answers, a stopped one has none", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.web });
    const [address = ""] = Object.values((await inspect(engine, id)).addresses);
    expect(await fetchText(address, 80)).toBe("v1");
    await engine.containers.stop(id, 5);
    expect((await inspect(engine, id)).addresses).toEqual({});
  });

  test("a published port is told by list() and inspect(), and answers", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.web2, HostConfig: publish(0) });
    const [port] = (await inspect(engine, id)).ports;
    expect(port).toMatchObject({ containerPort: 80, protocol: "tcp", hostIp: "127.0.0.1" });
    const row = (await engine.containers.list()).find((one) => one.id === id);
    expect(row?.ports).toEqual([port]);
    expect(await fetchText("127.0.0.1", port?.hostPort ?? 0)).toBe("v2");
  });

  test("start() on a taken host port is a Conflict, and works once the port is free", async () => {
    const { engine, run, create } = start();
    const holder = await run({ Image: testImages.web, HostConfig: publish(0) });
    const taken = (await inspect(engine, holder)).ports[0]?.hostPort ?? 0;
    const id = await create({ Image: testImages.web2, HostConfig: publish(taken) });
    await expect(engine.containers.start(id)).rejects.toMatchObject({
      reason: "Conflict",
      message: expect.stringContaining(String(taken)) as string,
    });
    expect((await inspect(engine, id)).state.phase).not.toBe("running");
    await engine.containers.stop(holder, 5);
    await engine.containers.start(id);
    expect(await fetchText("127.0.0.1", taken)).toBe("v2");
  });

  test("containers can share one network", async () => {
    const { engine, run } = start();
    const first = await run({ Image: testImages.web });
    const second = await run({ HostConfig: { NetworkMode: `container:${first}` } });
    const detail = await inspect(engine, second);
    expect(detail.networkMode).toBe(`container:${first}`);
    expect(detail.addresses).toEqual({});
    expect(detail.state.phase).toBe("running");
  });

  test("mounts are told as they were asked for", async () => {
    const { engine, create } = start();
    const id = await create({
      HostConfig: {
        Mounts: [
          { Type: "volume", Source: "conformance-data", Target: "/data" },
          { Type: "bind", Source: "/etc", Target: "/host", ReadOnly: true },
        ],
      },
    });
    const mounts = [...(await inspect(engine, id)).mounts].sort((a, b) =>
      a.target.localeCompare(b.target),
    );
    expect(mounts).toEqual([
      { type: "volume", source: "conformance-data", target: "/data", readOnly: false },
      { type: "bind", source: "/etc", target: "/host", readOnly: true },
    ]);
  });

  test("volumes.remove() waits for no container, and takes an absent volume for removed", async () => {
    const { engine, create } = start();
    const name = `${freshName()}-volume`;
    const Mounts = [{ Type: "volume" as const, Source: name, Target: "/data" }];
    const id = await create({ HostConfig: { Mounts } });
    await expect(engine.volumes.remove(name)).rejects.toMatchObject({ reason: "Conflict" });
    await engine.containers.remove(id, { force: true });
    await engine.volumes.remove(name);
    await engine.volumes.remove(name);
  });

  test("networks.create() makes a bridge that list() tells, and a name only once", async () => {
    const { engine, network } = start();
    const [name, labels] = [freshName(), { "lighthouse.dev/test": "yes" }];
    const options = { "com.docker.network.driver.mtu": "1400" };
    const id = await network({ name, labels, options });
    const found = (await engine.networks.list()).find((one) => one.id === id);
    expect(found).toMatchObject({ name, labels, options, driver: "bridge" });
    expect(found?.subnets).toHaveLength(1);
    await expect(engine.networks.create({ name, labels, options })).rejects.toMatchObject({
      reason: "AlreadyExists",
      message: expect.stringContaining(name) as string,
    });
    await engine.networks.remove(id);
    await engine.networks.remove(id);
  });

  test("networks.create() takes the subnet asked for, and no part of another one", async () => {
    const { engine, network } = start();
    const subnet = freeSubnet(defaultRange, await hostRoutes(), freshName()) ?? "";
    const plain = { labels: {}, options: {} };
    const id = await network({ name: freshName(), subnet, ...plain });
    const found = (await engine.networks.list()).find((one) => one.id === id);
    expect(found?.subnets).toEqual([subnet]);
    const part = subnet.replace(/\/\d+$/, "/28");
    await expect(network({ name: freshName(), subnet: part, ...plain })).rejects.toMatchObject({
      reason: "Conflict",
    });
  });

  test("a container runs in a network by name; the network goes after it, not before", async () => {
    const { engine, network, run } = start();
    const name = freshName();
    const subnet = freeSubnet(defaultRange, await hostRoutes(), name) ?? "";
    await network({ name, subnet, labels: {}, options: {} });
    const id = await run({
      Image: testImages.web,
      HostConfig: { NetworkMode: name },
      NetworkingConfig: { EndpointsConfig: { [name]: { Aliases: ["shop"] } } },
    });
    const { addresses, networkMode } = await inspect(engine, id);
    expect(networkMode).toBe(name);
    expect(await fetchText(addresses[name] ?? "", 80)).toBe("v1");
    await expect(engine.networks.remove(name)).rejects.toMatchObject({ reason: "Conflict" });
    await engine.containers.stop(id, 5);
    await engine.networks.remove(name);
    await expect(engine.containers.start(id)).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("a container without HEALTHCHECK has no health", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.web });
    expect((await inspect(engine, id)).state.health).toBeUndefined();
  });
}
