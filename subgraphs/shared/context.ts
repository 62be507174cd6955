import type { Actor, Identity } from './auth.ts';
import type { Database, Tx } from './db.ts';
import type { EventReader } from './events.ts';
import { eventReader } from './events.ts';
import type { Load } from './loaders.ts';
import { createLoad } from './loaders.ts';
import type { Log } from './log.ts';
import type { CursorSigner } from './pagination.ts';
import { cursorSigner } from './pagination.ts';
import type { Clock } from './time.ts';

/** A subgraph's tables as one tenant may use them. */
export interface TenantDatabase extends Pick<Database, 'name' | 'wakeups'> {
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/** What every resolver is given: who asks, and everything they may reach. */
export interface Context<Deps = unknown> {
  readonly tenant: string;
  readonly actor: Actor;
  readonly identity: Identity;
  readonly requestId: string;
  readonly db: TenantDatabase;
  readonly events: EventReader;
  readonly cursors: CursorSigner;
  readonly load: Load;
  readonly deps: Deps;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface ContextOptions<Deps> {
  readonly identity: Identity;
  readonly requestId: string;
  readonly db: Database;
  readonly deps: Deps;
  readonly cursorKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Makes the context of one request, or of one event of a stream. */
export function createContext<Deps>(options: ContextOptions<Deps>): Context<Deps> {
  const { identity, requestId, db, deps, cursorKey, clock, signal } = options;
  const { tenant, actor } = identity;
  const log = options.log.child({ requestId });
  const context: Context<Deps> = {
    ...{ tenant, actor, identity, requestId, deps, clock, log, signal },
    db: { name: db.name, wakeups: db.wakeups, tx: (work) => db.tx(tenant, work) },
    events: eventReader({ db, tenant, cursorKey, signal }),
    cursors: cursorSigner(cursorKey, tenant),
    load: createLoad(() => context),
  };
  return context;
}
