/** Ends a stream on which nothing comes any more, which a half-open connection never says. */
export interface QuietGuard {
  /** Aborts with a `QuietStream` when it was quiet for too long. */
  readonly signal: AbortSignal;
  heard(): void;
  stop(): void;
}

export class QuietStream extends Error {
  override readonly name = 'QuietStream';
}

/** Guards a stream from now on. It ends with `outer` as well. */
export function inTime(quietMsMax: number, outer: AbortSignal): QuietGuard {
  const guard = new AbortController();
  const fire = (): void => {
    guard.abort(new QuietStream(`nothing came for ${quietMsMax} ms`));
  };
  let timer = setTimeout(fire, quietMsMax);
  return {
    signal: AbortSignal.any([outer, guard.signal]),
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(fire, quietMsMax);
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}

/** Gives what comes, and tells the guard of it. */
export async function* bytesIn(
  stream: AsyncIterable<Buffer>,
  guard: QuietGuard,
): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    guard.heard();
    yield chunk;
  }
}
