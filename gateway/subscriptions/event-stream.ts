/** The live answer to a subscription. */
export interface EventStream<T> extends AsyncGenerator<T, undefined, undefined> {
  /** Ends the stream with an error: the reader's next `next()` rejects with it. */
  end(reason: unknown): void;
}

/**
 * Makes a generator leave when its reader does.
 *
 * A generator that waits for its next event cannot be told to return. Here
 * `return()` aborts the controller at once, which closes what the generator
 * waits on, and a pending `next()` settles without it.
 */
export function eventStream<T>(
  source: AsyncGenerator<T, undefined, undefined>,
  controller: AbortController,
): EventStream<T> {
  let over: { readonly reason: unknown } | undefined;
  let settle: ((ending: { readonly reason: unknown }) => void) | undefined;

  const finish = (reason: unknown): void => {
    if (over) return;
    over = { reason };
    settle?.(over);
    controller.abort(reason);
    source.return(undefined).catch(() => undefined);
  };
  const close = (): void => {
    over ??= { reason: left };
    controller.abort(left);
  };
  const onAbort = (): void => {
    finish(controller.signal.reason);
  };
  if (controller.signal.aborted) onAbort();
  else controller.signal.addEventListener('abort', onAbort, { once: true });

  return {
    next() {
      if (over) return ended<T>(over.reason);
      return new Promise((resolve, reject) => {
        settle = ({ reason }) => {
          ended<T>(reason).then(resolve, reject);
        };
        source.next().then(
          (result) => {
            if (result.done) close();
            resolve(result);
          },
          (cause: unknown) => {
            close();
            reject(cause instanceof Error ? cause : new Error(String(cause)));
          },
        );
      });
    },
    return() {
      finish(left);
      return Promise.resolve({ done: true, value: undefined });
    },
    throw(cause: unknown) {
      finish(left);
      return Promise.reject(cause instanceof Error ? cause : new Error(String(cause)));
    },
    end: finish,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]() {
      finish(left);
      return Promise.resolve();
    },
  };
}

/** A stream of one value, or of one failure. */
export function eventsOf<T>(value: Promise<T>): EventStream<T> {
  async function* single(): AsyncGenerator<T, undefined, undefined> {
    yield await value;
    return undefined;
  }
  return eventStream(single(), new AbortController());
}

/** Why a stream is over when nobody wants it any more. */
const left = new Error('The reader has left');

function ended<T>(reason: unknown): Promise<IteratorResult<T, undefined>> {
  if (reason === left) return Promise.resolve({ done: true, value: undefined });
  return Promise.reject(reason instanceof Error ? reason : new Error(String(reason)));
}
