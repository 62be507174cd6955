import type { Tx } from '../../../shared/db.ts';
import type { Billed, ChargeUse, Line } from '../../domain/invoices/compose-lines.ts';
import {
  adjustmentLine,
  chargeAmount,
  chargesOf,
  lineOf,
} from '../../domain/invoices/compose-lines.ts';
import { taxByRates } from '../../domain/invoices/tax.ts';
import type { Tax } from '../../domain/invoices/tax.ts';
import { periodAt } from '../../domain/pricing/billing-period.ts';
import type { Period } from '../../domain/pricing/billing-period.ts';
import { findMeter } from '../metering/meters.ts';
import { readQuantity } from '../metering/usage.ts';
import type { SubscriptionRow } from '../pricing/rows.ts';
import { anchorOf, phasesOf } from '../pricing/subscriptions.ts';
import { TaxRateRow } from './rows.ts';

/** Usage that comes later than this many periods after its own is billed no more. */
const adjustedPeriodsMax = 12;

/** What an invoice says: its lines, and the taxes on them in the same order. */
export interface Reckoning {
  readonly lines: readonly Line[];
  readonly taxes: readonly Tax[];
}

/**
 * What is due for a period as things stand, and what earlier periods are due more
 * or less than was billed for them: usage that came late, and what was corrected.
 */
export async function reckon(
  tx: Tx,
  subscription: SubscriptionRow,
  {
    period,
    until,
    country,
  }: { readonly period: Period; readonly until: Date; readonly country: string | null },
): Promise<Reckoning> {
  const lines: Line[] = [];
  for (
    let index = Math.max(0, period.index - adjustedPeriodsMax);
    index < period.index;
    index += 1
  ) {
    const earlier = periodAt(anchorOf(subscription), index);
    lines.push(...(await adjustments(tx, subscription, earlier)));
  }
  const phases = await phasesOf(tx, subscription.id, { from: period.from, to: until });
  for (const use of chargesOf(phases)) {
    const quantity = await quantityOf(tx, subscription, use);
    lines.push(lineOf(use, quantity, chargeAmount(use, quantity, period)));
  }
  const rates = await tx.findBy(TaxRateRow, { tenantId: tx.tenant });
  return { lines, taxes: taxByRates(rates)(lines, { country }) };
}

async function adjustments(tx: Tx, subscription: SubscriptionRow, period: Period): Promise<Line[]> {
  const billed = await billedIn(tx, subscription, period);
  if (billed.size === 0) return [];
  const until =
    subscription.endsAt && subscription.endsAt < period.to ? subscription.endsAt : period.to;
  const phases = await phasesOf(tx, subscription.id, { from: period.from, to: until });
  const lines: Line[] = [];
  for (const use of chargesOf(phases)) {
    const before = billed.get(keyOf(use.charge.key, use.from, use.to));
    if (!before || use.charge.meterId === null) continue;
    const line = adjustmentLine(use, before, await quantityOf(tx, subscription, use), period);
    if (line) lines.push(line);
  }
  return lines;
}

async function quantityOf(
  tx: Tx,
  { customer }: SubscriptionRow,
  { charge, from, to }: ChargeUse,
): Promise<string | null> {
  if (charge.meterId === null) return null;
  const meter = await findMeter(tx, charge.meterId);
  return (meter && (await readQuantity(tx, meter, { from, to, subject: customer }))) ?? '0';
}

/** What final invoices say of a period, by charge and stretch. An invoice that is void says nothing. */
async function billedIn(
  tx: Tx,
  { id }: SubscriptionRow,
  { from, to }: Period,
): Promise<ReadonlyMap<string, Billed>> {
  const rows: { charge_key: string; from_at: Date; to_at: Date; amount: string }[] = await tx.query(
    `select l.charge_key, l.from_at, l.to_at, sum(l.amount_minor) as amount
     from invoice i join invoice_line l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
     where i.tenant_id = $1 and i.subscription_id = $2 and i.number is not null and i.state <> 'VOID'
       and l.from_at >= $3 and l.to_at <= $4
     group by l.charge_key, l.from_at, l.to_at`,
    [tx.tenant, id, from, to],
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.charge_key, row.from_at, row.to_at),
      { quantity: null, amountMinor: Number(row.amount) },
    ]),
  );
}

function keyOf(charge: string, from: Date, to: Date): string {
  return `${charge}/${from.toISOString()}/${to.toISOString()}`;
}
