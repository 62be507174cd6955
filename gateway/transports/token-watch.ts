import type { Identity } from '../../subgraphs/shared/auth.ts';

/** Something that lives no longer than the token of its caller. */
export interface TokenHolder {
  readonly identity: Identity | undefined;
  /** The token ends soon; told once for each token. */
  onTokenEnding(expiresAt: Date): void;
  onTokenEnded(): void;
}

export interface TokenWatch {
  /** Looks after a holder's token, also after it took a new one; call it again then. */
  watch(holder: TokenHolder): void;
  forget(holder: TokenHolder): void;
  stop(): void;
}

/**
 * Tells each holder when its token is about to end and when it has, with one
 * timer for all of them: it is set for the next moment at which anything is due.
 */
export function tokenWatch(warningMs: number, now: () => number = Date.now): TokenWatch {
  const due = new Map<TokenHolder, number>();
  let timer: NodeJS.Timeout | undefined;
  let wakesAt = Infinity;

  const wakeAt = (at: number): void => {
    if (at >= wakesAt) return;
    clearTimeout(timer);
    wakesAt = at;
    // Node's timers end early beyond 24.8 days; looking once more does no harm.
    const ms = Math.min(Math.max(at - now(), pauseMsMin), timerMsMax);
    timer = setTimeout(look, ms).unref();
  };
  const look = (): void => {
    wakesAt = Infinity;
    const at = now();
    for (const [holder, moment] of due) if (moment <= at) tell(holder);
    let earliest = Infinity;
    for (const moment of due.values()) earliest = Math.min(earliest, moment);
    if (earliest < Infinity) wakeAt(earliest);
  };
  const tell = (holder: TokenHolder): void => {
    const end = endOf(holder);
    if (end <= now()) {
      due.delete(holder);
      holder.onTokenEnded();
    } else {
      due.set(holder, end);
      holder.onTokenEnding(new Date(end));
    }
  };

  return {
    watch(holder) {
      const end = endOf(holder);
      if (end === Infinity) return;
      const moment = Math.max(end - warningMs, now());
      due.set(holder, moment);
      wakeAt(moment);
    },
    forget(holder) {
      due.delete(holder);
    },
    stop() {
      clearTimeout(timer);
      due.clear();
    },
  };
}

/** Many tokens that end one after the other are looked at together. */
const pauseMsMin = 20;
const timerMsMax = 2_000_000_000;

function endOf({ identity }: TokenHolder): number {
  return identity ? identity.expiresAt.getTime() : Infinity;
}
