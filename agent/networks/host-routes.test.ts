import { expect, test } from "vitest";
import { destinationsOf, hostRoutes } from "./host-routes.ts";

test("destinationsOf() reads the kernel's table, and leaves the default route out", () => {
  const table = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t0107A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t0007A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "tun0\t0000004C\t00000000\t0001\t0\t0\t0\t0000FCFF\t0\t0\t0",
    "cut off",
  ].join("\n");
  expect(destinationsOf(table)).toEqual(["192.168.7.0/24", "76.0.0.0/14"]);
  expect(destinationsOf("")).toEqual([]);
});

test("hostRoutes() knows at least this machine's loopback", async () => {
  expect(await hostRoutes()).toContain("127.0.0.1/8");
});
