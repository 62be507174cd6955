/** A connection that is looked after as long as it is open. */
export interface Beating {
  /** Comes once in each period. */
  beat(): void;
}

export interface Heartbeats {
  add(one: Beating): void;
  remove(one: Beating): void;
  stop(): void;
}

/**
 * Looks after any number of connections with one timer. Each has its turn once
 * in a period, and the turns are spread over it, so that they do not hold up
 * everything else all at once.
 */
export function heartbeats(periodMs: number): Heartbeats {
  const turns = Array.from({ length: turnsPerPeriod }, () => new Set<Beating>());
  let next = 0;
  let added = 0;
  const timer = setInterval(() => {
    for (const one of turns[next] ?? []) one.beat();
    next = (next + 1) % turnsPerPeriod;
  }, periodMs / turnsPerPeriod);
  timer.unref();
  return {
    add(one) {
      turns[added % turnsPerPeriod]?.add(one);
      added += 1;
    },
    remove(one) {
      for (const turn of turns) turn.delete(one);
    },
    stop() {
      clearInterval(timer);
    },
  };
}

const turnsPerPeriod = 8;
