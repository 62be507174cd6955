import type { Clock } from '../../shared/time.ts';
import type { Catalogue } from '../domain/catalogue.ts';
import type { ForgeGraph } from '../providers/provider.ts';

/** What verticals needs from outside, given once in index.ts. */
export interface VerticalsDeps {
  readonly catalogue: Catalogue;
  readonly graph: ForgeGraph;
  readonly clock: Clock;
  readonly pace: Pace;
}

/** How patiently runs wait for others. */
export interface Pace {
  /** Between two attempts of one step: doubled each time, up to the most. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** Between two questions after a job whose end nobody has told us: doubled likewise. */
  readonly askMs: number;
  readonly askMsMax: number;
}

export const standardPace: Pace = {
  retryMs: 1_000,
  retryMsMax: 120_000,
  askMs: 60_000,
  askMsMax: 600_000,
};

/** Doubles a wait with each turn (from 1), never beyond its most. */
export function grown(baseMs: number, mostMs: number, turn: number): number {
  return Math.min(mostMs, baseMs * 2 ** Math.min(turn - 1, 30));
}
