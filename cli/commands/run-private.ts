/**
 * Keeps what this process holds in memory, Secrets and keys, out of the hands of others on the machine:
 * a diagnostic report does not have the environment in it, and SIGUSR1, which Node.js takes for the
 * wish to open a debugger to every user of the machine, does nothing. Core dumps are the system's to
 * forbid (`LimitCORE=0`), see docs/secrets.md.
 */
export function keepMemoryPrivate(): void {
  const { report } = process;
  report.excludeEnv = true;
  // A listener of one's own takes the place of the debugger's.
  if (process.listenerCount("SIGUSR1") === 0) process.on("SIGUSR1", () => {});
}
