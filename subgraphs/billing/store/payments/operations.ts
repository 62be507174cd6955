import type { Tx } from '../../../shared/db.ts';
import { notFound } from '../../../shared/errors.ts';
import { newId } from '../../../shared/ids.ts';
import type { OperationKind } from '../../domain/payments/operation.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import type { OperationInput } from './rows.ts';
import { OperationRow } from './rows.ts';

export interface NewOperation {
  readonly kind: OperationKind;
  readonly accountId: string;
  readonly clientKey: string | null;
  readonly paymentId: string;
  readonly refundId?: string;
  readonly disputeId?: string;
  readonly input: OperationInput;
  readonly at: Date;
}

/**
 * Writes down what is about to be asked of a provider, before it is asked. The
 * key is the operation's own id: asked again, after any crash, it is the same.
 */
export async function insertOperation(tx: Tx, order: NewOperation): Promise<OperationRow> {
  const { kind, accountId, clientKey, paymentId, refundId, disputeId, input, at } = order;
  const id = newId('op');
  const operation = tx.create(OperationRow, {
    ...{ id, kind, accountId, clientKey, paymentId, input },
    tenantId: tx.tenant,
    refundId: refundId ?? null,
    disputeId: disputeId ?? null,
    providerKey: id,
    state: 'WAITING',
    failure: null,
    calls: 0,
    createdAt: at,
    firstCalledAt: null,
    answeredAt: null,
  });
  await tx.insert(OperationRow, operation);
  return operation;
}

export function findOperation(tx: Tx, id: string): Promise<OperationRow | null> {
  return tx.findOne(OperationRow, { where: { id } });
}

/** Holds the operation's row. Whoever changes one holds its payment's row before. */
export async function lockOperation(tx: Tx, id: string): Promise<OperationRow> {
  const operation = await tx.findOne(OperationRow, {
    where: { id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!operation) throw notFound('Operation');
  return operation;
}

/** Notes, before a call, that it is about to be made; the first time stays. */
export async function noteCall(tx: Tx, operation: OperationRow, at: Date): Promise<void> {
  const changes = {
    state: operation.state === 'WAITING' ? ('CALLED' as const) : operation.state,
    calls: operation.calls + 1,
    firstCalledAt: operation.firstCalledAt ?? at,
  };
  await tx.update(OperationRow, { id: operation.id }, changes);
  Object.assign(operation, changes);
}

/** Writes what became of an operation, and wakes whoever waits for it. */
export async function answerOperation(
  tx: Tx,
  operation: OperationRow,
  state: 'UNKNOWN' | 'DONE' | 'REFUSED' | 'FROZEN',
  failure: ProviderFailure | null,
  at: Date,
): Promise<void> {
  const changes = { state, failure, answeredAt: state === 'UNKNOWN' ? null : at };
  await tx.update(OperationRow, { id: operation.id }, changes);
  Object.assign(operation, changes);
  tx.wakeAfterCommit(operationTopic(operation.id));
}

export function operationTopic(id: string): string {
  return `billing/operation/${id}`;
}

/** The operations of a payment that have no answer. */
export function openOperations(tx: Tx, paymentId: string): Promise<OperationRow[]> {
  return tx
    .createQueryBuilder(OperationRow, 'op')
    .where('op.tenant_id = :tenant and op.payment_id = :paymentId', {
      tenant: tx.tenant,
      paymentId,
    })
    .andWhere(`op.state in ('CALLED', 'UNKNOWN')`)
    .orderBy('op.id')
    .getMany();
}

/** Whether a payment is being brought on by an operation that has no answer yet. */
export async function hasOperationUnderWay(tx: Tx, paymentId: string): Promise<boolean> {
  const rows: unknown[] = await tx.query(
    `select 1 from payment_operation where tenant_id = $1 and payment_id = $2
       and state in ('WAITING', 'CALLED', 'UNKNOWN')
       and kind in ('CREATE', 'CONFIRM', 'CAPTURE', 'CANCEL') limit 1`,
    [tx.tenant, paymentId],
  );
  return rows.length > 0;
}
