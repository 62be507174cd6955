import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling, submission, usage } from '../../fixtures/billing.ts';
import { billingActor } from '../../store/actor.ts';
import { reverseTransaction } from '../../store/ledger/transactions.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
  await billing.submitted('acme', submission('job_1'));
  await billing.finished('acme', usage('job_1'));
});
afterAll(() => billing.close());

async function asked(query: string, tenant = 'acme') {
  const { data, errors } = await billing.ask({ tenant }, query);
  expect(errors).toBeUndefined();
  return data as Record<string, unknown>;
}

interface TransactionShape {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly entries: { account: string; amount: { amountMinor: string } }[];
}

const transactions = `edges { cursor node { id kind source subject reverses { id } reversedBy { id }
  entries { account amount { amountMinor } balanceAfter { amountMinor } sequence } } }
  pageInfo { hasNextPage endCursor }`;

async function nodes(tenant: string, args = ''): Promise<TransactionShape[]> {
  const { ledgerTransactions } = await asked(
    `{ ledgerTransactions${args} { ${transactions} } }`,
    tenant,
  );
  const { edges } = ledgerTransactions as { edges: { node: TransactionShape }[] };
  return edges.map(({ node }) => node);
}

describe('the ledger in the graph', () => {
  it('shows each movement with its entries, the newest first, page by page', async () => {
    const all = await nodes('acme');
    expect(all.map(({ kind, source }) => `${kind} ${source}`)).toEqual([
      'charge-settled job_1:1',
      'hold-placed job_1:1',
      'opening-credit opening',
    ]);
    expect(all[0]?.entries).toMatchObject([
      { account: 'CREDIT', amount: { amountMinor: '60' } },
      { account: 'HELD', amount: { amountMinor: '-67' }, balanceAfter: { amountMinor: '0' } },
      { account: 'REVENUE', amount: { amountMinor: '7' }, sequence: 1 },
    ]);
    const paged: TransactionShape[] = [];
    for (let after = ''; ;) {
      const { ledgerTransactions } = await asked(
        `{ ledgerTransactions(first: 1${after}) { ${transactions} } }`,
      );
      const page = ledgerTransactions as {
        edges: { node: TransactionShape }[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
      };
      paged.push(...page.edges.map(({ node }) => node));
      if (!page.pageInfo.hasNextPage) break;
      after = `, after: "${page.pageInfo.endCursor}"`;
    }
    expect(paged).toEqual(all);
  });

  it('finds movements by account and by kind', async () => {
    expect(await nodes('acme', '(filter: { account: REVENUE })')).toHaveLength(1);
    expect(await nodes('acme', '(filter: { kind: "hold-placed" })')).toHaveLength(1);
    expect(await nodes('acme', '(filter: { subject: "pay_1" })')).toEqual([]);
  });

  it('shows what takes a movement back, from both sides', async () => {
    await billing.submitted('reversing', submission('job_1'));
    const [held] = await nodes('reversing', '(filter: { kind: "hold-placed" })');
    const at = new Date('2026-05-05T11:00:00Z');
    await billing.db.tx('reversing', (tx) =>
      reverseTransaction(tx, held?.id ?? '', { actor: billingActor, at }),
    );
    const [reversal, original] = await nodes('reversing');
    expect(reversal).toMatchObject({ kind: 'reversal', reverses: { id: held?.id } });
    expect(original).toMatchObject({ id: held?.id, reversedBy: { id: reversal?.id } });
  });

  it('shows the accounts by code, with what they are', async () => {
    const { ledgerAccounts } = await asked(
      '{ ledgerAccounts { edges { node { code kind normalSide currency balance { amountMinor } } } } }',
    );
    const { edges } = ledgerAccounts as { edges: { node: object }[] };
    expect(edges.map(({ node }) => node)).toMatchObject([
      { code: 'CREDIT', kind: 'LIABILITY', balance: { amountMinor: '999993' } },
      {
        code: 'FUNDING',
        kind: 'EQUITY',
        normalSide: 'DEBIT',
        balance: { amountMinor: '-1000000' },
      },
      { code: 'HELD', balance: { amountMinor: '0' } },
      { code: 'REVENUE', kind: 'REVENUE', currency: 'USD', balance: { amountMinor: '7' } },
    ]);
  });

  it('balances at every moment, and keeps the books of a moment that is past', async () => {
    const query = (asOf = '') => `{ trialBalance${asOf} { asOf
      accounts { code balance { amountMinor } }
      totals { currency debits { amountMinor } credits { amountMinor } } } }`;
    const { trialBalance: before } = await asked(query(), 'past');
    await billing.submitted('past', submission('job_1'));
    const { trialBalance: after } = await asked(query(), 'past');
    expect(after).toMatchObject({
      totals: [{ debits: { amountMinor: '10000' }, credits: { amountMinor: '10000' } }],
    });
    const { asOf } = before as { asOf: string };
    const { trialBalance: again } = await asked(query(`(asOf: "${asOf}")`), 'past');
    expect(again).toEqual(before);
  });

  it('does not tell the books of a moment to come', async () => {
    const query = '{ trialBalance(asOf: "2999-01-01T00:00:00Z") { asOf } }';
    const { errors } = await billing.ask({ tenant: 'acme' }, query);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'asOf' });
  });

  it("answers for another tenant's transaction as for none", async () => {
    const [ours] = await nodes('acme');
    const query = (id: string) => `{ ledgerTransaction(id: "${id}") { kind } }`;
    expect(await asked(query(ours?.id ?? ''))).toMatchObject({
      ledgerTransaction: { kind: 'charge-settled' },
    });
    expect(await asked(query(ours?.id ?? ''), 'globex')).toEqual({ ledgerTransaction: null });
    expect(await nodes('globex')).toEqual([]);
  });
});
