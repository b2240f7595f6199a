const most = 65_535;

/** A run of ports, both ends included. */
type Run = readonly [first: number, last: number];

function readRun(text: string): Run | undefined {
  const [, start, end = start] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const [first, last] = [Number(start), Number(end)];
  return first >= 1 && first <= last && last <= most ? [first, last] : undefined;
}

/** Which ports of hosts are allowed by a list such as `80,8000-8099`; `undefined` when it is none. */
export function readHostPorts(text: string): ((port: number) => boolean) | undefined {
  if (text.trim() === "") return () => false;
  const runs = text.split(",").map(readRun);
  const known = runs.filter((run) => run !== undefined);
  if (known.length < runs.length) return undefined;
  return (port) => known.some(([first, last]) => port >= first && port <= last);
}
