import type { SimulatedContainer } from "./container.ts";

const reclaimableBytes = 1024 * 1024;
const never = "0001-01-01T00:00:00Z";

function running({ behaviour, startedAtMs }: SimulatedContainer, nowMs: number): object {
  const { cpus = 0.001, memoryBytes = 3 * 1024 * 1024 } = behaviour;
  const seconds = Math.max(0, nowMs - startedAtMs) / 1000;
  const cpu = Math.round(seconds * cpus * 1e9);
  const [packets, bytes] = [Math.floor(seconds), Math.floor(seconds * 100)];
  return {
    read: new Date(nowMs).toISOString(),
    cpu_stats: {
      cpu_usage: { total_usage: cpu, usage_in_kernelmode: 0, usage_in_usermode: cpu },
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    },
    memory_stats: {
      usage: memoryBytes + reclaimableBytes,
      stats: { anon: memoryBytes, file: reclaimableBytes, inactive_file: reclaimableBytes },
    },
    networks: {
      eth0: { rx_bytes: bytes, rx_packets: packets, tx_bytes: bytes, tx_packets: packets },
    },
    pids_stats: { current: 1 },
  };
}

/** `GET /containers/{id}/stats` of one reading: steady use, as its image's behaviour says. */
export function toStats(container: SimulatedContainer, nowMs: number): object {
  const { id, name, phase } = container;
  const about = { id, name: `/${name}` };
  if (phase === "running") return { ...about, ...running(container, nowMs) };
  const cpu_stats = { cpu_usage: { total_usage: 0 } };
  return { ...about, read: never, cpu_stats, memory_stats: {}, networks: {}, pids_stats: {} };
}
