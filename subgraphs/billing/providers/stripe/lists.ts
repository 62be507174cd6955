import type Stripe from 'stripe';
import type { Page, PaymentProvider } from '../payments.ts';
import { asked, sent } from './calls.ts';
import { eventOf } from './webhook.ts';

export const pageMax = 100;

/** What happened at Stripe in a span of time, a page at a time. */
export function lists(
  sdk: Stripe,
): Pick<PaymentProvider, 'listEvents' | 'listBalanceTransactions'> {
  return {
    listEvents: ({ since, cursor }, call) =>
      asked(call, async () => {
        const list = await sdk.events.list(
          { created: { gte: seconds(since) }, limit: pageMax, ...after(cursor) },
          sent(call),
        );
        return pageOf(list, (event) => {
          const read = eventOf(JSON.stringify(event));
          if (!read) throw new TypeError(`The event ${event.id} cannot be read.`);
          return read;
        });
      }),
    listBalanceTransactions: ({ from, to, cursor }, call) =>
      asked(call, async () => {
        const created = { gte: seconds(from), lt: seconds(to) };
        const list = await sdk.balanceTransactions.list(
          { created, limit: pageMax, ...after(cursor) },
          sent(call),
        );
        return pageOf(list, ({ id, type, amount, fee, currency, source, created: at }) => ({
          reference: id,
          kind: type,
          amountMinor: amount,
          feeMinor: fee,
          currency: currency.toUpperCase(),
          source: typeof source === 'string' ? source : (source?.id ?? null),
          at: new Date(at * 1_000),
        }));
      }),
  };
}

export function after(cursor: string | null): { starting_after?: string } {
  return cursor === null ? {} : { starting_after: cursor };
}

function pageOf<Item extends { readonly id: string }, T>(
  list: { readonly data: readonly Item[]; readonly has_more: boolean },
  read: (item: Item) => T,
): Page<T> {
  return {
    items: list.data.map(read),
    next: list.has_more ? (list.data.at(-1)?.id ?? null) : null,
  };
}

export function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
