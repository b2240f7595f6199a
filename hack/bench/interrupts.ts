/** What a bench must not leave behind on the machine, the latest last. */
const owners = new Set<AsyncDisposable>();

/** Ends `owner` also when the bench is interrupted. Disposing of the result is as of the owner. */
export function guarded<T extends AsyncDisposable>(owner: T): T {
  owners.add(owner);
  return {
    ...owner,
    async [Symbol.asyncDispose]() {
      owners.delete(owner);
      await owner[Symbol.asyncDispose]();
    },
  };
}

/** On Ctrl-C and its like, takes away what is guarded and ends the process as the signal would. */
export function cleanUpWhenInterrupted(): void {
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  const clean = async (code: number): Promise<void> => {
    for (const owner of [...owners].reverse()) {
      owners.delete(owner);
      try {
        await owner[Symbol.asyncDispose]();
      } catch (err) {
        console.error(err); // the others must go all the same
      }
    }
    process.exit(code);
  };
  for (const [signal, number] of Object.entries(numbers)) {
    process.once(signal, () => void clean(128 + number)); // reports its own errors
  }
}
