import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { audit } from './audit.ts';
import type { AuditEntryDraft } from './audit.ts';
import { isId } from './ids.ts';

const entry: AuditEntryDraft = {
  actor: { type: 'ai-employee', id: 'emp_1' },
  action: 'job.submitted',
  target: { type: 'job', id: 'job_1' },
  outcome: 'success',
  facts: { template: 'shell' },
  at: new Date('2026-05-05T10:00:00.000Z'),
};

let db: TestDatabase;
beforeAll(async () => {
  db = await freshDatabase({ name: 'sandbox', entities: [], migrations: [] });
});
afterAll(() => db.close());

async function entriesOf(tenant: string) {
  const { rows } = await db.owner.query<{
    subscriber: string;
    topic: string;
    key: string;
    payload: Record<string, unknown>;
  }>('select subscriber, topic, key, payload from forge.message where tenant_id = $1 order by id', [
    tenant,
  ]);
  return rows;
}

describe('audit', () => {
  it('leaves an entry for compliance, of the tenant whose change it is', async () => {
    await db.tx('acme', (tx) => audit(tx, entry));
    const [left, ...others] = await entriesOf('acme');
    const { entryId, ...payload } = left?.payload ?? {};
    expect(others).toEqual([]);
    expect(left).toMatchObject({ subscriber: 'compliance', topic: 'audit.recorded', key: 'job_1' });
    expect(payload).toEqual({ ...entry, at: '2026-05-05T10:00:00.000Z' });
    expect(isId('aud', String(entryId))).toBe(true);
    expect(await entriesOf('globex')).toEqual([]);
  });

  it('leaves none for a change that did not happen', async () => {
    const failing = db.tx('initech', async (tx) => {
      await audit(tx, entry);
      throw new Error('refused after all');
    });
    await expect(failing).rejects.toThrow('refused after all');
    expect(await entriesOf('initech')).toEqual([]);
  });

  it('leaves one for each thing done, in the order in which they were done', async () => {
    await db.tx('umbrella', async (tx) => {
      await audit(tx, entry);
      await audit(tx, { ...entry, action: 'job.cancelled', outcome: 'refused' });
    });
    const payloads = (await entriesOf('umbrella')).map(({ payload }) => payload);
    expect(payloads.map(({ action }) => action)).toEqual(['job.submitted', 'job.cancelled']);
    expect(new Set(payloads.map(({ entryId }) => entryId)).size).toBe(2);
  });
});
