/** What `lighthouse` ends with; docs/rollouts.md explains it to users. */
export const exitCode = {
  /** What was asked for is so; with `--wait`: what was asked for runs. */
  done: 0,
  /** Refused or failed; with `--wait`: rolled back, held by a failure, or replaced by another change. */
  failed: 1,
  /** The command line is wrong. Nothing was done. */
  misused: 2,
  /** `--timeout` is over and there is no verdict yet. The rollout goes on. */
  timedOut: 3,
  /** `plan --detailed-exitcode`: it is possible and something would change. */
  wouldChange: 4,
  /** Ctrl-C or SIGTERM, as shells count: 128 + SIGINT. */
  interrupted: 130,
} as const;
