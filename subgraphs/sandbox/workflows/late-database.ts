import type { Database } from '../../shared/db.ts';
import type { Chore } from '../../shared/host.ts';

export interface LateDatabase {
  /** The tables, as soon as workers have begun. */
  readonly database: () => Promise<Database>;
  /** Tells which they are: a subgraph is made before its tables are opened. */
  readonly introduce: Chore<unknown>;
}

export function lateDatabase(): LateDatabase {
  const { promise, resolve } = Promise.withResolvers<Database>();
  return {
    database: () => promise,
    introduce: {
      name: 'introduce-database',
      everyMs: 3_600_000,
      run({ db }) {
        resolve(db);
        return Promise.resolve();
      },
    },
  };
}
