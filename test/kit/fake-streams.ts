import type { PodStreams } from "../../api/server/pods/pod-streams.ts";

const unexpected = (): never => {
  throw new Error("the test did not expect this stream");
};

/** The streams of an agent that can only do what the test gives it. */
export function fakeStreams(given: Partial<PodStreams>): PodStreams {
  return { logs: unexpected, exec: unexpected, attach: unexpected, dial: unexpected, ...given };
}
