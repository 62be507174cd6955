import type { Log } from '../../subgraphs/shared/log.ts';

/** Ends one part, within the time. */
export type End = (deadlineMs: number) => Promise<void>;

/** What was started, to be ended in the reverse order. */
export interface Lifetime {
  /** Called right after a part was started. */
  atEnd(end: End): void;
  /** Ends every part. One that does not end well does not keep the others from ending. */
  end(deadlineMs: number): Promise<void>;
}

export function lifetime(log: Log): Lifetime {
  const ends: End[] = [];
  return {
    atEnd(end) {
      ends.push(end);
    },
    async end(deadlineMs) {
      const until = Date.now() + deadlineMs;
      for (const end of ends.splice(0).reverse()) {
        // Whoever comes first may not use up the time of those who come after.
        const leftMs = Math.max(500, (until - Date.now()) / 2);
        await end(leftMs).catch((err: unknown) => {
          log.error({ err }, 'a part did not end well');
        });
      }
    },
  };
}
