import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Limits } from './limits.ts';
import { tenantLimits } from './limits.ts';
import type { Rate, RateLimiter, Taken } from './rate-limit.ts';
import { MemoryRateLimiter } from './rate-limit.ts';
import type { EndTurn } from './turns.ts';
import { Turns } from './turns.ts';

/** Keeps one tenant from taking the time of all others. */
export interface Admission {
  /**
   * Lets an operation in when its actor has not asked too often and its tenant
   * has a turn; the turn ends by calling what is given. A long request counts
   * as several. Throws RATE_LIMITED, with the time to wait, when not.
   */
  enter(identity: Identity | undefined, bytes: number, signal: AbortSignal): Promise<EndTurn>;
  /**
   * Counts a document that was never read before, a long one as several. Throws
   * RATE_LIMITED beyond the limit.
   */
  newDocument(identity: Identity | undefined, characters: number): void;
}

export interface AdmissionOptions {
  readonly limits: Limits;
  /** Counts requests; shared by several gateways where there are several. */
  readonly rates?: RateLimiter;
}

export function admission({
  limits,
  rates = new MemoryRateLimiter(),
}: AdmissionOptions): Admission {
  const turns = new Turns();
  // Reading a document takes this process's time, whatever others do.
  const documents = new MemoryRateLimiter();
  return {
    async enter(identity, bytes, signal) {
      const own = tenantLimits(limits, identity?.tenant);
      const rate: Rate = { perSecond: own.requestsPerSecond, burst: own.requestsBurst };
      const taking = rates.take(actorKey(identity), rate, 1 + Math.floor(bytes / bytesEach));
      allow(taking instanceof Promise ? await taking : taking, 'You ask too often.');
      const end = await turns.take(identity?.tenant ?? '', own, signal);
      if (end) return end;
      throw tooMany('Too many operations of your company are under way.', busyRetryMs);
    },
    newDocument(identity, characters) {
      const own = tenantLimits(limits, identity?.tenant);
      const rate: Rate = { perSecond: own.newDocumentsPerSecond, burst: own.newDocumentsBurst };
      const amount = Math.max(1, characters / charactersEach);
      const taken = documents.take(identity?.tenant ?? '', rate, amount);
      allow(taken, 'You send too many new documents. Keep the text the same and use variables.');
    },
  };
}

/** Reading a request takes time by its length, whatever is in it. */
const bytesEach = 16_384;

/** Of an ordinary document. */
const charactersEach = 2_000;

/** When a turn may be free again: nobody knows how long the others take. */
const busyRetryMs = 1_000;

function actorKey(identity: Identity | undefined): string {
  if (!identity) return '';
  return JSON.stringify([identity.tenant, identity.actor.type, identity.actor.id]);
}

function allow(taken: Taken, message: string): void {
  if (!taken.isAllowed) throw tooMany(message, taken.retryAfterMs);
}

function tooMany(message: string, retryAfterMs: number): ForgeError {
  return new ForgeError('RATE_LIMITED', message, { retryable: true, retryAfterMs });
}
