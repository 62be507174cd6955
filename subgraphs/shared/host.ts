import { createHash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { ClassType, NonEmptyArray } from 'type-graphql';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { IdentityKeys } from './auth.ts';
import { verifyIdentity } from './auth.ts';
import { createContext } from './context.ts';
import type { Context } from './context.ts';
import type { Database, MigrationClass } from './db.ts';
import { openDatabase } from './db.ts';
import { ForgeError } from './errors.ts';
import { sweepEvents } from './events.ts';
import { executeGraph, printGraph, subscribeToGraph, subgraphGraph } from './graph-engine.ts';
import type { GraphRequest } from './graph-engine.ts';
import { sweepIdempotency } from './idempotency.ts';
import type { Log } from './log.ts';
import type { Consumer } from './outbox.ts';
import { deliverMessages } from './outbox.ts';
import { sleep } from './time.ts';
import type { Clock } from './time.ts';
import type { Workflow } from './workflow.ts';

/** How another subgraph's mention of an entity becomes this subgraph's part of it. */
// A context's dependencies are the subgraph's own; the table of all references holds many kinds.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Reference = (reference: any, ctx: Context<any>) => Promise<object | null>;

/** Something that a subgraph's workers do without being asked, again and again. */
export interface Chore<Deps> {
  readonly name: string;
  readonly everyMs: number;
  /** Woken by this topic as well, if there is one. */
  readonly wakeTopic?: string;
  run(work: WorkerContext<Deps>): Promise<void>;
}

export interface WorkerContext<Deps> {
  readonly db: Database;
  readonly deps: Deps;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A subgraph as a value: everything it is, wired by nothing else. */
export interface Subgraph<Deps = unknown> {
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type
  readonly resolvers: NonEmptyArray<Function>;
  /** Types that no resolver names by itself. */
  readonly orphanedTypes: readonly ClassType[];
  readonly references: Readonly<Record<string, Reference>>;
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly MigrationClass[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly workflows: readonly Workflow<any, any>[];
  readonly consumers: readonly Consumer[];
  readonly chores?: readonly Chore<Deps>[];
  readonly deps: Deps;
  /** Ends what `deps` hold open. */
  close?(): Promise<void>;
}
