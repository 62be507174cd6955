import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ComplianceUnderTest } from '../fixtures/compliance.ts';
import { entry, openCompliance } from '../fixtures/compliance.ts';

let compliance: ComplianceUnderTest;
beforeAll(async () => {
  compliance = await openCompliance();
});
afterAll(() => compliance.close());

const all = 'select id, sequence from audit_entry order by sequence';
const chainQuery = `query ($after: Int! = 0, $first: Int! = 1000) { auditChain(after: $after, first: $first) {
  intact firstBadSequence checked last size } }`;

describe('the audit log', () => {
  it('has an entry once, though it is delivered twice, also at the same time', async () => {
    await compliance.record('twice', entry('aud_1'));
    await Promise.all([1, 2, 3].map(() => compliance.record('twice', entry('aud_1'))));
    expect(await compliance.rows('twice', all)).toEqual([{ id: 'aud_1', sequence: '1' }]);
  });

  it('gives every entry its own place without holes, however many writers race', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `aud_${n}`);
    await Promise.all(ids.map((id) => compliance.record('racing', entry(id))));
    const rows = await compliance.rows('racing', all);
    expect(rows.map((row) => row['sequence'])).toEqual(ids.map((_, index) => String(index + 1)));
    expect(new Set(rows.map((row) => row['id']))).toEqual(new Set(ids));
    const { data } = await compliance.ask({ tenant: 'racing' }, chainQuery);
    expect(data).toMatchObject({ auditChain: { intact: true, checked: 40, last: 40, size: 40 } });
  });

  it('takes an entry whatever names and facts others put into it', async () => {
    const odd = entry('aud_odd\u0000', {
      actor: { type: 'user', id: '\ud800'.repeat(5000) },
      action: 'x\u0000y',
      target: { type: 'job', id: '😀'.repeat(5000) },
      facts: { ['__proto__']: 1, text: '\u0000\ud800', big: 'é'.repeat(70_000) },
    });
    await compliance.record('odd', odd);
    const { data } = await compliance.ask({ tenant: 'odd' }, chainQuery);
    expect(data).toMatchObject({ auditChain: { intact: true, checked: 1 } });
  });

  it.each([
    'update audit_entry set action = action',
    'delete from audit_entry',
    'truncate audit_entry',
    'delete from audit_chain',
  ])(
    'cannot be changed or thinned by the product, nor by the owner of the table: %s',
    async (statement) => {
      await compliance.record('kept', entry('aud_1'));
      await expect(compliance.rows('kept', statement)).rejects.toMatchObject({ code: '42501' });
      const asOwner = `alter table audit_entry no force row level security;
        alter table audit_chain no force row level security; ${statement}`;
      await expect(compliance.db.owner.query(asOwner)).rejects.toThrow('append-only');
    },
  );

  it('shows the first entry that somebody changed behind its back', async () => {
    for (const n of [1, 2, 3, 4, 5]) await compliance.record('tampered', entry(`aud_${n}`));
    await compliance.db.owner.query(`
      alter table audit_entry no force row level security;
      alter table audit_entry disable trigger audit_entry_kept;
      update audit_entry set actor_id = 'mallory' where tenant_id = 'tampered' and sequence = 3;
      alter table audit_entry enable trigger audit_entry_kept;
      alter table audit_entry force row level security;`);
    const check = async (after: number, first: number) =>
      (await compliance.ask({ tenant: 'tampered' }, chainQuery, { after, first })).data;
    expect(await check(0, 1000)).toMatchObject({
      auditChain: { intact: false, firstBadSequence: 3, checked: 5 },
    });
    expect(await check(0, 2)).toMatchObject({ auditChain: { intact: true, last: 2 } });
    expect(await check(2, 2)).toMatchObject({
      auditChain: { intact: false, firstBadSequence: 3 },
    });
    expect(await check(3, 1000)).toMatchObject({
      auditChain: { intact: true, checked: 2, last: 5 },
    });
  });

  it('is intact when it is empty, and says where it ends', async () => {
    const { data } = await compliance.ask({ tenant: 'empty' }, chainQuery);
    expect(data).toMatchObject({ auditChain: { intact: true, checked: 0, last: 0, size: 0 } });
    const { errors } = await compliance.ask({ tenant: 'empty' }, chainQuery, { after: 1 });
    expect(errors?.[0]?.message).toContain('ends before');
  });

  it.each([
    ['a negative place', { after: -1 }],
    ['no entries', { first: 0 }],
    ['too many entries at once', { first: 1001 }],
  ])('refuses to check %s', async (_what, variables) => {
    const { errors } = await compliance.ask({ tenant: 'empty' }, chainQuery, variables);
    expect(errors).toHaveLength(1);
  });
});
