/**
 * Lets many ask for the same thing at once: those that ask while a read is under way share the one
 * after it, so that each gets an answer that is younger than its question.
 */
export function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let current: Promise<unknown> | undefined;
  let next: Promise<T> | undefined;
  const begin = async (): Promise<T> => {
    next = undefined;
    const answer = read();
    current = answer;
    try {
      return await answer;
    } finally {
      if (current === answer) current = undefined;
    }
  };
  return () => {
    if (current === undefined) return begin();
    next ??= current.then(begin, begin);
    return next;
  };
}
