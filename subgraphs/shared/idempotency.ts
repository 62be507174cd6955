import { createHash } from 'node:crypto';
import type { Context } from './context.ts';
import type { Database, Tx } from './db.ts';
import { badInput } from './errors.ts';
import type { JsonValue } from './json.ts';
import { stableJson } from './json.ts';

export interface KeyedCall {
  /** The name of the operation: a key of one is another's only by mistake. */
  readonly operation: string;
  readonly key: string;
  /** Everything the answer depends on. */
  readonly input: JsonValue | object;
}

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T; readonly replayed: boolean }
  | { readonly kind: 'key-reused'; readonly key: string };

const keyLengthMax = 255;

/**
 * Does something once per key of a tenant, and gives everybody who asks with
 * the key the first answer.
 *
 * The work and the record of its answer are one transaction: after a crash both
 * are there or neither. Of calls at the same time one does the work while the
 * others wait for its answer. A key that comes back with another input does
 * nothing and is told so. The answer is kept as JSON for 30 days.
 */
export async function once<T>(
  ctx: Pick<Context, 'db' | 'tenant'>,
  { operation, key, input }: KeyedCall,
  work: (tx: Tx) => Promise<T>,
): Promise<Outcome<T>> {
  if (key.length === 0 || key.length > keyLengthMax || key.includes('\u0000')) {
    const message = `"idempotencyKey" must have 1 to ${String(keyLengthMax)} characters.`;
    throw badInput(message, 'idempotencyKey');
  }
  const inputHash = createHash('sha256').update(stableJson(input)).digest();
  return ctx.db.tx(async (tx): Promise<Outcome<T>> => {
    const claimed: unknown[] = await tx.query(
      `insert into idempotency (tenant_id, key, operation, input_hash) values ($1, $2, $3, $4)
       on conflict do nothing returning key`,
      [tx.tenant, key, operation, inputHash],
    );
    if (claimed.length === 0) return recorded(tx, key, operation, inputHash);
    const value = await work(tx);
    await tx.query('update idempotency set outcome = $3 where tenant_id = $1 and key = $2', [
      tx.tenant,
      key,
      JSON.stringify(value ?? null),
    ]);
    return { kind: 'done', value, replayed: false };
  });
}

async function recorded<T>(
  tx: Tx,
  key: string,
  operation: string,
  inputHash: Buffer,
): Promise<Outcome<T>> {
  const [row]: { operation: string; input_hash: Buffer; outcome: T }[] = await tx.query(
    'select operation, input_hash, outcome from idempotency where tenant_id = $1 and key = $2',
    [tx.tenant, key],
  );
  if (!row) throw new Error(`The answer for key ${key} was removed while it was asked for.`);
  const same = row.operation === operation && row.input_hash.equals(inputHash);
  return same ? { kind: 'done', value: row.outcome, replayed: true } : { kind: 'key-reused', key };
}

const keptDays = 30;

/** Forgets answers older than 30 days. Gives how many tenants had some. */
export async function sweepIdempotency(db: Database, keptForDays = keptDays): Promise<number> {
  const tenants = await db.across((tx) =>
    tx.query<{ tenant_id: string }>(
      `select distinct tenant_id from idempotency
       where created_at < now() - make_interval(days => $1) limit 100`,
      [keptForDays],
    ),
  );
  for (const { tenant_id: tenant } of tenants) {
    await db.tx(tenant, (tx) =>
      tx.query(
        `delete from idempotency
         where tenant_id = $1 and created_at < now() - make_interval(days => $2)`,
        [tenant, keptForDays],
      ),
    );
  }
  return tenants.length;
}
