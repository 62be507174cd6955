/** How many may go at once, and how many may wait for how long. */
export interface TurnLimits {
  readonly concurrentMax: number;
  readonly queuedMax: number;
  readonly queueTimeoutMs: number;
}

/** Ends a turn; ending twice counts once. */
export type EndTurn = () => void;

interface Lane {
  underWay: number;
  readonly waiting: Set<() => void>;
}

/**
 * Lets so many go at once under each key, and the next ones in the order in
 * which they came. Who waits too long, or finds too many waiting, gets nothing.
 */
export class Turns {
  readonly #lanes = new Map<string, Lane>();

  /** Undefined when there is no turn in time, or when the signal aborts first. */
  async take(key: string, limits: TurnLimits, signal: AbortSignal): Promise<EndTurn | undefined> {
    const lane = this.#lanes.get(key) ?? { underWay: 0, waiting: new Set() };
    this.#lanes.set(key, lane);
    if (lane.underWay < limits.concurrentMax) lane.underWay += 1;
    else if (lane.waiting.size >= limits.queuedMax || signal.aborted) return undefined;
    else if (!(await waited(lane, limits.queueTimeoutMs, signal))) return undefined;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#next(key, lane);
    };
  }

  /** Hands a turn on, so that nobody who comes now goes before who waits. */
  #next(key: string, lane: Lane): void {
    const [first] = lane.waiting;
    if (first) {
      first();
      return;
    }
    lane.underWay -= 1;
    if (lane.underWay === 0) this.#lanes.delete(key);
  }
}

function waited(lane: Lane, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isTurn: boolean) => (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      lane.waiting.delete(go);
      resolve(isTurn);
    };
    const go = done(true);
    const leave = done(false);
    const timer = setTimeout(leave, timeoutMs);
    signal.addEventListener('abort', leave, { once: true });
    lane.waiting.add(go);
  });
}
