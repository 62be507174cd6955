import { auditAll } from '../../../shared/audit.ts';
import type { Actor } from '../../../shared/auth.ts';
import type { AcrossTx, Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import { stableJson } from '../../../shared/json.ts';
import type { InvoiceState } from '../../domain/invoices/invoice-state.ts';
import { canMoveInvoice } from '../../domain/invoices/invoice-state.ts';
import type { Posting } from '../../domain/ledger/transaction.ts';
import { reversed } from '../../domain/ledger/transaction.ts';
import { periodAt } from '../../domain/pricing/billing-period.ts';
import { postTransaction } from '../ledger/post-transaction.ts';
import type { SubscriptionRow } from '../pricing/rows.ts';
import { advanceSubscription, anchorOf, findSubscription } from '../pricing/subscriptions.ts';
import { reckon } from './read-lines.ts';
import type { Reckoning } from './read-lines.ts';
import { InvoiceLineRow, InvoiceRow } from './rows.ts';

/** How long usage of a period is waited for before its invoice is final. */
const graceMs = 3_600_000;

export interface By {
  readonly actor: Actor;
  readonly at: Date;
}

/** Drafts the invoice of a subscription's next period. The caller holds the subscription. */
export async function draftInvoice(tx: Tx, row: SubscriptionRow, at: Date): Promise<InvoiceRow> {
  const { id: subscriptionId, customer, country, currency, endsAt } = row;
  const { index, from, to } = periodAt(anchorOf(row), row.nextPeriod);
  const periodTo = endsAt && endsAt < to ? endsAt : to;
  const invoice = tx.create(InvoiceRow, {
    ...{ tenantId: tx.tenant, id: newId('inv'), subscriptionId, customer, country, currency },
    ...{ period: index, periodFrom: from, periodTo, state: 'DRAFT', createdAt: at },
    finalizeAfter: new Date(periodTo.getTime() + graceMs),
  });
  await tx.insert(InvoiceRow, invoice);
  await advanceSubscription(tx, row);
  return invoice;
}

/** Holds an invoice until the transaction ends. */
export async function lockInvoice(tx: Tx, id: string): Promise<InvoiceRow | null> {
  return tx.findOne(InvoiceRow, {
    where: { tenantId: tx.tenant, id },
    lock: { mode: 'pessimistic_write' },
  });
}

/** What an invoice would say if it were made final now. */
export async function reckonInvoice(tx: Tx, invoice: InvoiceRow): Promise<Reckoning> {
  const subscription = await findSubscription(tx, invoice.subscriptionId);
  if (!subscription) return { lines: [], taxes: [] };
  const period = periodAt(anchorOf(subscription), invoice.period);
  const { periodTo: until, country } = invoice;
  return reckon(tx, subscription, { period, until, country });
}

/**
 * Makes a draft final: gives it the next number, keeps its lines and its bytes,
 * and books what is owed. From here on it can only be paid, voided or given up. The caller holds the draft.
 */
export async function finalizeInvoice(tx: Tx, draft: InvoiceRow, { actor, at }: By): Promise<void> {
  const { lines, taxes } = await reckonInvoice(tx, draft);
  const taxOf = (index: number): number =>
    taxes.reduce((sum, tax) => sum + (tax.amountsMinor[index] ?? 0), 0);
  const rows = lines.map((line, index) =>
    tx.create(InvoiceLineRow, {
      ...line,
      ...{ tenantId: tx.tenant, invoiceId: draft.id, position: index + 1, taxMinor: taxOf(index) },
    }),
  );
  const subtotalMinor = rows.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const taxMinor = rows.reduce((sum, line) => sum + line.taxMinor, 0);
  const final = Object.assign(draft, {
    ...{ subtotalMinor, taxMinor, totalMinor: subtotalMinor + taxMinor, finalizedAt: at },
    number: await nextNumber(tx),
    taxes: taxes.map(({ name, percent, amountsMinor }) => ({
      ...{ name, percent, amountMinor: amountsMinor.reduce((sum, amount) => sum + amount, 0) },
    })),
    // Nobody pays nothing, and what is less than nothing is owed to the customer.
    ...(subtotalMinor + taxMinor > 0
      ? { state: 'OPEN' as const }
      : { state: 'PAID' as const, closedAt: at }),
  });
  if (rows.length > 0) await tx.insert(InvoiceLineRow, rows);
  const document = renderInvoice(final, rows);
  await tx.save(InvoiceRow, Object.assign(final, { document }));
  await postInvoice(tx, final, { actor, at });
  await tellInvoice(tx, final, 'invoice.finalized', { actor, at });
}

/** The bytes of a final invoice, made of what is kept of it: the same whenever they are made. */
export function renderInvoice(invoice: InvoiceRow, lines: readonly InvoiceLineRow[]): string {
  const { id, number, subscriptionId, customer, country, currency, taxes } = invoice;
  const { periodFrom, periodTo, subtotalMinor, taxMinor, totalMinor, finalizedAt } = invoice;
  return stableJson({
    ...{ id, number, subscriptionId, customer, country, currency, taxes },
    ...{ periodFrom, periodTo, subtotalMinor, taxMinor, totalMinor, finalizedAt },
    lines: [...lines]
      .sort((a, b) => a.position - b.position)
      .map(({ position, kind, chargeKey, label, meterId, quantity, from, to, ...amounts }) => ({
        ...{ position, kind, chargeKey, label, meterId, quantity, from, to },
        ...{ amountMinor: amounts.amountMinor, taxMinor: amounts.taxMinor },
      })),
  });
}

/** The next number. It is given for good with the transaction, or not at all. */
async function nextNumber(tx: Tx): Promise<number> {
  const [row]: { last: number }[] = await tx.query(
    `insert into invoice_counter as c (tenant_id, last) values ($1, 1)
     on conflict (tenant_id) do update set last = c.last + 1 returning last`,
    [tx.tenant],
  );
  return row?.last ?? 0;
}

/** Moves an invoice to another state, if it may go there. The caller holds it. */
export async function moveInvoice(
  tx: Tx,
  invoice: InvoiceRow,
  state: Exclude<InvoiceState, 'DRAFT' | 'OPEN'>,
  { actor, at }: By,
): Promise<boolean> {
  if (!canMoveInvoice(invoice.state, state)) return false;
  const before = invoice.state;
  await tx.update(InvoiceRow, { tenantId: tx.tenant, id: invoice.id }, { state, closedAt: at });
  Object.assign(invoice, { state, closedAt: at });
  await postMove(tx, invoice, before, { actor, at });
  await tellInvoice(tx, invoice, `invoice.${state.toLowerCase()}`, { actor, at });
  return true;
}

async function tellInvoice(
  tx: Tx,
  invoice: InvoiceRow,
  action: string,
  { actor, at }: By,
): Promise<void> {
  const { id, state, number, totalMinor, currency } = invoice;
  const facts = { state, number, totalMinor, currency };
  const target = { type: 'invoice', id };
  await auditAll(tx, [{ actor, action, target, outcome: 'success', facts, at }]);
}

function owed({ subtotalMinor, taxMinor, totalMinor, currency }: InvoiceRow): readonly Posting[] {
  const postings: Posting[] = [
    { account: 'receivable', amountMinor: -(totalMinor ?? 0), currency },
    { account: 'revenue', amountMinor: subtotalMinor ?? 0, currency },
    { account: 'tax', amountMinor: taxMinor ?? 0, currency },
  ];
  return postings.filter(({ amountMinor }) => amountMinor !== 0);
}

async function postInvoice(tx: Tx, invoice: InvoiceRow, by: By): Promise<void> {
  const postings = owed(invoice);
  const { id } = invoice;
  if (postings.length === 0) return;
  await postTransaction(tx, {
    kind: 'invoice-finalized',
    source: id,
    subject: id,
    postings,
    ...by,
  });
}

/** What an end of an invoice does to the books; one that is paid is booked by who takes the payment. */
async function postMove(tx: Tx, invoice: InvoiceRow, before: InvoiceState, by: By): Promise<void> {
  const { id, state, currency } = invoice;
  const totalMinor = invoice.totalMinor ?? 0;
  if (before === 'DRAFT' || totalMinor === 0) return;
  const writtenOff: readonly Posting[] = [
    { account: 'receivable', amountMinor: totalMinor, currency },
    { account: 'losses', amountMinor: -totalMinor, currency },
  ];
  const book = (kind: string, postings: readonly Posting[]) =>
    postTransaction(tx, { kind, source: id, subject: id, postings, ...by });
  if (before === 'UNCOLLECTIBLE') await book('invoice-recovered', reversed(writtenOff));
  if (state === 'VOID') await book('invoice-voided', reversed(owed(invoice)));
  if (state === 'UNCOLLECTIBLE') await book('invoice-written-off', writtenOff);
}

export async function findInvoice(tx: Tx, id: string): Promise<InvoiceRow | null> {
  return tx.findOneBy(InvoiceRow, { tenantId: tx.tenant, id });
}

/** The lines of a final invoice, in their order. */
export async function linesOf(tx: Tx, invoiceId: string): Promise<InvoiceLineRow[]> {
  return tx.find(InvoiceLineRow, {
    where: { tenantId: tx.tenant, invoiceId },
    order: { position: 'ASC' },
  });
}

/** One page of the tenant's invoices, the newest first. */
export async function listInvoices(
  tx: Tx,
  page: {
    readonly state: InvoiceState | undefined;
    readonly limit: number;
    readonly beforeId: string | undefined;
  },
): Promise<InvoiceRow[]> {
  const query = tx
    .createQueryBuilder(InvoiceRow, 'invoice')
    .where('invoice.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('invoice.id', 'DESC')
    .limit(page.limit);
  const { state, beforeId } = page;
  if (state !== undefined) query.andWhere('invoice.state = :state', { state });
  if (beforeId !== undefined) query.andWhere('invoice.id < :beforeId', { beforeId });
  return query.getMany();
}

interface Due {
  readonly tenant: string;
  readonly id: string;
}

const dueMax = 100;

/** Subscriptions of which a period is over and has no invoice. */
export function subscriptionsDue(tx: AcrossTx, at: Date): Promise<Due[]> {
  return tx.query(
    `select tenant_id as tenant, id from subscription where next_bill_at <= $1
     order by next_bill_at limit $2`,
    [at, dueMax],
  );
}

/** Drafts of which the time to wait for usage is over. */
export function draftsDue(tx: AcrossTx, at: Date): Promise<Due[]> {
  return tx.query(
    `select tenant_id as tenant, id from invoice where state = 'DRAFT' and finalize_after <= $1
     order by finalize_after limit $2`,
    [at, dueMax],
  );
}
