import type { Clock } from '../../shared/time.ts';
import { collectBudgetMs, settleBudgetMs } from '../domain/job-deadline.ts';
import type { Load } from '../domain/quota.ts';
import type { ArtifactStorage } from '../providers/artifact-storage.ts';
import type { RoomKeeper } from '../providers/rooms.ts';
import type { Runner } from '../providers/runner.ts';

/** What the sandbox needs from outside, given once in index.ts. */
export interface SandboxDeps {
  readonly runner: Runner;
  readonly storage: ArtifactStorage;
  readonly rooms: Rooms;
  readonly clock: Clock;
  /** What may run at once, of all tenants together. */
  readonly capacity: Load;
  readonly pace: Pace;
  readonly links: ArtifactLinks;
  /** Signs what collectors may upload. */
  readonly uploadKey: Uint8Array;
}

/** Where each tenant's programs run. */
export interface Rooms {
  /** Whether a tenant without a room that is ready has nothing run. */
  readonly areNeeded: boolean;
  /** Looks after them, where that is this process's duty. */
  readonly keeper?: RoomKeeper | undefined;
}

/** How links to artifacts are made. */
export interface ArtifactLinks {
  readonly key: Uint8Array;
  /** What comes before a link's own part, with its closing slash. */
  readonly baseUrl: string;
}

/** How often a run looks around. */
export interface Pace {
  /** Between two samples of what a program uses. */
  readonly sampleMs: number;
  /** How long a run goes without looking whether its job was cancelled, if nothing wakes it. */
  readonly lookMs: number;
  /** How long a run waits for its runner, or its tables, to come back before it asks again. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  readonly collectMs: number;
  readonly settleMs: number;
}

export const standardPace: Pace = {
  sampleMs: 2_000,
  lookMs: 2_000,
  retryMs: 100,
  retryMsMax: 5_000,
  collectMs: collectBudgetMs,
  settleMs: settleBudgetMs,
};
