import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { openBilling, submission, usage } from '../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

const opening = 10_000;

describe('a job that is submitted', () => {
  it('gets credit kept aside for the most it can cost, and says so', async () => {
    await billing.submitted('hold-one', submission('job_1'));
    expect(await billing.balances('hold-one')).toMatchObject({ credit: opening - 67, held: 67 });
    expect(await billing.published('hold-one', 'billing.hold-decided', 'job_1')).toEqual([
      { jobId: 'job_1', attempt: 1, outcome: 'placed' },
    ]);
  });

  it('is refused, with nothing kept, when credit is short', async () => {
    await billing.submitted('hold-two', submission('job_1', { timeoutSeconds: 36_000_000 }));
    expect(await billing.balances('hold-two')).toMatchObject({ credit: opening, held: 0 });
    const [answer] = await billing.published('hold-two', 'billing.hold-decided', 'job_1');
    expect(answer).toMatchObject({ outcome: 'refused', reasonCode: 'INSUFFICIENT_CREDIT' });
  });

  it('gets the same answer when the message comes twice, and no second hold', async () => {
    await billing.submitted('hold-three', submission('job_1'));
    await billing.submitted('hold-three', submission('job_1'));
    expect((await billing.balances('hold-three'))['held']).toBe(67);
    const answers = await billing.published('hold-three', 'billing.hold-decided', 'job_1');
    expect(answers).toHaveLength(2);
    expect(answers[0]).toEqual(answers[1]);
  });

  it('never gets credit another job holds: of jobs that race, as many are placed as credit covers', async () => {
    const each = submission('', { timeoutSeconds: 1_800_000 });
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        billing.submitted('hold-race', { ...each, jobId: `job_${n}` }),
      ),
    );
    expect(await billing.balances('hold-race')).toMatchObject({ credit: 10, held: 9990 });
    const open = `select * from credit_hold where state = 'placed'`;
    expect(await billing.rows('hold-race', open)).toHaveLength(3);
  });
});

describe('a hold that is not needed', () => {
  it('goes back whole', async () => {
    await billing.submitted('release', submission('job_1'));
    await billing.unneeded('release', { jobId: 'job_1', attempt: 1 });
    expect(await billing.balances('release')).toMatchObject({ credit: opening, held: 0 });
  });

  it('is not placed any more when its request comes late', async () => {
    await billing.unneeded('late', { jobId: 'job_1', attempt: 1 });
    await billing.submitted('late', submission('job_1'));
    expect(await billing.balances('late')).toMatchObject({ credit: opening, held: 0 });
    const [answer] = await billing.published('late', 'billing.hold-decided', 'job_1');
    expect(answer).toMatchObject({ outcome: 'refused', reasonCode: 'ATTEMPT_ALREADY_OVER' });
  });
});

describe('an attempt that finished', () => {
  it('is charged what it used, and the rest of its hold goes back', async () => {
    await billing.submitted('settle', submission('job_1'));
    await billing.finished('settle', usage('job_1'));
    const after = { credit: opening - 7, held: 0, revenue: 7, funding: -opening };
    expect(await billing.balances('settle')).toEqual(after);
    expect(await billing.published('settle', 'billing.attempt-settled', 'job_1')).toEqual([
      { jobId: 'job_1', attempt: 1, amountMinor: 7, currency: 'USD' },
    ]);
  });

  it('is charged its true usage also when that is more than was held', async () => {
    await billing.submitted('over', submission('job_1'));
    await billing.finished('over', usage('job_1', { wallMs: 72_000_000 }));
    expect(await billing.balances('over')).toMatchObject({ credit: opening - 133, held: 0 });
  });

  it('is charged by the price of the moment it started, not of the moment it is told', async () => {
    const dearer = `insert into price_list values
      ('*', 2, 'USD', '2026-05-05T08:30:00Z', 1400000, 450000, 1)`;
    const other = await openBilling();
    await other.db.owner.query(`alter table price_list no force row level security; ${dearer}`);
    await other.finished('price', usage('job_1'));
    await other.finished('price', usage('job_2', { startedAt: '2026-05-05T08:30:00.000Z' }));
    const charges = await other.rows('price', 'select * from charge order by job_id');
    expect(charges.map((charge) => charge['amount_minor'])).toEqual(['7', '6660']);
    await other.close();
  });

  it('keeps its first account when a second one says otherwise, and leaves that on record', async () => {
    await billing.finished('contradiction', usage('job_1'));
    await billing.finished('contradiction', usage('job_1', { wallMs: 1 }));
    expect((await billing.balances('contradiction'))['revenue']).toBe(7);
    const entries = await billing.published('contradiction', 'audit.recorded', 'job_1');
    expect(entries.map((entry) => entry.action)).toEqual(['charge.settled', 'usage.contradicted']);
  });
});

describe('every change of money', () => {
  it('leaves an audit entry on its job, by billing', async () => {
    await billing.submitted('audit', submission('job_1'));
    await billing.finished('audit', usage('job_1'));
    await billing.submitted('audit', submission('job_1', { attempt: 2 }));
    await billing.unneeded('audit', { jobId: 'job_1', attempt: 2 });
    const entries = await billing.published('audit', 'audit.recorded', 'job_1');
    expect(entries.map((entry) => entry.action)).toEqual([
      'hold.placed',
      'charge.settled',
      'hold.placed',
      'hold.released',
    ]);
    expect(entries[1]).toMatchObject({
      actor: { type: 'service', id: 'billing' },
      target: { type: 'job', id: 'job_1' },
      outcome: 'success',
      facts: { attempt: 1, amountMinor: 7, currency: 'USD', heldMinor: 67 },
    });
  });
});

describe('messages in any order, twice, and at once', () => {
  const attempts = [1, 2];
  const kinds = ['submitted', 'unneeded', 'finished'] as const;
  const told = fc.array(
    fc.record({ kind: fc.constantFrom(...kinds), attempt: fc.constantFrom(...attempts) }),
    { maxLength: 10 },
  );
  const runs = 25;
  let run = 0;

  it.each([
    ['one after another', false],
    ['at once', true],
  ])('%s: each attempt is charged once if it ran, and holds end at zero', async (_how, atOnce) => {
    await fc.assert(
      fc.asyncProperty(told, async (messages) => {
        const tenant = `orders-${++run}`;
        const send = ({ kind, attempt }: (typeof messages)[number]) => {
          if (kind === 'submitted')
            return billing.submitted(tenant, submission('job_1', { attempt }));
          if (kind === 'unneeded') return billing.unneeded(tenant, { jobId: 'job_1', attempt });
          return billing.finished(tenant, usage('job_1', { attempt }));
        };
        if (atOnce) await Promise.all(messages.map(send));
        else for (const message of messages) await send(message);

        const has = (kind: string, attempt: number) =>
          messages.some((message) => message.kind === kind && message.attempt === attempt);
        const ran = attempts.filter((attempt) => has('finished', attempt)).length;
        const open = attempts.filter(
          (attempt) =>
            has('submitted', attempt) && !has('finished', attempt) && !has('unneeded', attempt),
        ).length;
        const { credit = opening, held = 0, revenue = 0 } = await billing.balances(tenant);
        expect({ credit, held, revenue }).toEqual({
          credit: opening - 67 * open - 7 * ran,
          held: 67 * open,
          revenue: 7 * ran,
        });
        expect(await billing.rows(tenant, 'select * from charge')).toHaveLength(ran);
      }),
      { numRuns: runs },
    );
  });
});
