import type { Database, Tx } from '../../subgraphs/shared/db.ts';
import { sqlMigration, tenantTable } from '../../subgraphs/shared/db.ts';
import type { Run } from '../../subgraphs/shared/workflow.ts';
import { defineWorkflow } from '../../subgraphs/shared/workflow.ts';

/** What the sample programs work with. */
export interface SampleDeps {
  readonly db: Database;
}

const createEffects = sqlMigration(
  'CreateEffects1764000000009',
  `
  create table effect (
    id bigint generated always as identity primary key,
    tenant_id text not null,
    run_id text not null,
    name text not null,
    release integer not null,
    at timestamptz not null default clock_timestamp()
  );
  ${tenantTable('effect')}
  `,
);

/** Durable programs whose every effect is a row, for counting how often each happened. */
export function sampleSubgraph(release = 1) {
  const record = async (tx: Tx, run: Run, name: string): Promise<void> => {
    await tx.query(
      'insert into effect (tenant_id, run_id, name, release) values ($1, $2, $3, $4)',
      [run.tenant, run.id, name, release],
    );
  };
  const effect = (run: Run, { db }: SampleDeps, name: string) =>
    db.tx(run.tenant, (tx) => record(tx, run, name));

  /** Four operations, of which `slow` takes as long as is asked for, the first time. */
  const steps = defineWorkflow<{ slowMs: number }, SampleDeps>(
    'sample.steps',
    async (run, { slowMs }, deps) => {
      await run.step('first', () => effect(run, deps, 'first'));
      const value = await run.tx('counted', async (tx) => {
        await record(tx, run, 'counted');
        return 42;
      });
      await run.step('slow', async () => {
        const tries = await deps.db.tx(run.tenant, (tx) =>
          tx.query<unknown[]>(`select 1 from effect where run_id = $1 and name = 'slow'`, [run.id]),
        );
        await effect(run, deps, 'slow');
        const ms = tries.length === 0 ? slowMs : 1;
        await new Promise((resolve) => setTimeout(resolve, ms));
      });
      await run.step('last', () => effect(run, deps, `last ${String(value)}`));
    },
  );

  /** Waits for an approval, for a second release that does something more before. */
  const approval = defineWorkflow<{ waitMs: number }, SampleDeps>(
    'sample.approval',
    async (run, { waitMs }, deps) => {
      // Once: a kill between an effect and its record would repeat a step.
      await run.tx('ask', (tx) => record(tx, run, 'ask'));
      if (release > 1 && (await run.patched('announce'))) {
        await run.step('announce', () => effect(run, deps, 'announce'));
      }
      const answer = await run.wait('decided', waitMs);
      const said = answer === undefined ? 'nothing' : JSON.stringify(answer);
      await run.step('finish', () => effect(run, deps, `heard ${said}`));
    },
    { patches: release > 1 ? ['announce'] : [] },
  );

  /** Takes back what it did when a later step, which takes its time, fails for good. */
  const saga = defineWorkflow<{ fail: boolean; slowMs: number }, SampleDeps>(
    'sample.saga',
    async (run, { fail, slowMs }, deps) => {
      await run.step('reserve', () => effect(run, deps, 'reserve'));
      try {
        await run.step(
          'charge',
          async () => {
            await effect(run, deps, 'charge');
            await new Promise((resolve) => setTimeout(resolve, slowMs));
            if (fail) throw new Error('declined');
          },
          { attemptsMax: 2, retryDelayMs: 1 },
        );
      } catch {
        await run.step('release', () => effect(run, deps, 'release'));
      }
    },
  );

  return {
    name: 'sample',
    entities: [],
    migrations: [createEffects],
    workflows: [steps, approval, saga],
    programs: { steps, approval, saga },
  };
}
