import type { Schemas } from './schema/validate.ts';
import type { Body, Collection, State } from './state.ts';

const names: Readonly<Record<Collection, string>> = {
  payment_intent: 'PaymentIntent',
  charge: 'Charge',
  refund: 'Refund',
  dispute: 'Dispute',
  balance_transaction: 'BalanceTransaction',
  event: 'Event',
  account: 'Account',
};
const prefixes: Readonly<Record<Collection, string>> = {
  payment_intent: 'pi',
  charge: 'ch',
  refund: 're',
  dispute: 'dp',
  balance_transaction: 'txn',
  event: 'evt',
  account: 'acct',
};

/** How Stripe's version of the API is called, of which stripe-node has the declarations. */
export const apiVersion = '2026-10-28.endive';

/** Stripe's objects of one account, and the events that tell of them. */
export class Objects {
  readonly state: State;
  readonly account: string;
  readonly #schemas: Schemas;
  readonly #tell: (account: string, event: Body) => void;

  constructor(
    state: State,
    schemas: Schemas,
    account: string,
    tell: (account: string, event: Body) => void,
  ) {
    Object.assign(this, { state, account });
    this.state = state;
    this.account = account;
    this.#schemas = schemas;
    this.#tell = tell;
  }

  make(collection: Collection, values: Record<string, unknown>): Body {
    const body = {
      ...this.#schemas.blank(names[collection]),
      id: this.state.newId(prefixes[collection]),
      object: collection,
      created: this.state.seconds,
      ...(collection !== 'refund' && collection !== 'balance_transaction' && { livemode: false }),
      ...values,
    };
    return this.state.put(this.account, body);
  }

  get(collection: Collection, id: string): Body {
    return this.state.get(this.account, collection, id);
  }

  list(collection: Collection): Body[] {
    return this.state.list(this.account, collection);
  }

  /** Money that comes to the account's balance, or leaves it. */
  move(
    type: string,
    amount: number,
    { fee = 0, currency, source }: { fee?: number; currency: unknown; source: string },
  ): Body {
    const { seconds } = this.state;
    return this.make('balance_transaction', {
      ...{ type, amount, fee, currency, source },
      net: amount - fee,
      available_on: seconds,
      balance_type: 'payments',
      reporting_category: type,
      status: 'available',
    });
  }

  /** Something happened to an object: the event has it as it is now. */
  event(type: string, object: Body): Body {
    const isPlatform = this.account === 'platform';
    const event = this.make('event', {
      api_version: apiVersion,
      type,
      data: { object: structuredClone(object) },
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      ...(!isPlatform && { account: this.account }),
    });
    this.#tell(this.account, event);
    return event;
  }

  /** An object as it is answered, with what was asked for in place of its ids. */
  shown(body: Body, expand: readonly string[] = []): Body {
    const copy = structuredClone(body);
    for (const path of expand) this.#expand(copy, path.split('.'));
    return copy;
  }

  #expand(body: Record<string, unknown>, [name = '', ...rest]: readonly string[]): void {
    const value = body[name];
    if (typeof value === 'string') {
      const kinds = Object.keys(prefixes) as Collection[];
      const kind = kinds.find((one) => value.startsWith(`${prefixes[one]}_`));
      const found = kind && this.state.find(this.account, kind, value);
      if (!found) return;
      body[name] = structuredClone(found);
    }
    if (rest.length > 0 && body[name]) this.#expand(body[name] as Record<string, unknown>, rest);
  }

  check(body: Body): void {
    const name = names[body.object as Collection] as string | undefined;
    if (name !== undefined) this.#schemas.answer(name, body);
  }
}
