/**
 * A read that everybody who asks in the same turn of the event loop shares. It is sent only after the last of them
 * asked, so nobody gets an answer older than their question.
 */
export function together<T>(read: () => Promise<T>): () => Promise<T> {
  let coming: Promise<T> | null = null;
  const send = (): Promise<T> => {
    coming = null;
    return read();
  };
  return () => (coming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(send));
}
