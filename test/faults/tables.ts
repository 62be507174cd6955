import type { Pool } from 'pg';
import { checkChain, emptyHead } from '../../subgraphs/compliance/domain/audit-chain.ts';
import { artifactProblems, outputProblems } from './kept.ts';
import type { KindName } from './kinds.ts';
import { kindOf } from './kinds.ts';

/** A job that was submitted, and what it is to come to. */
export interface Expected {
  readonly id: string;
  readonly tenant: string;
  readonly kind: KindName;
}

/** Asks the tables as their owner. */
export type Ask = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

export function asking(owner: Pool): Ask {
  return async <Row>(sql: string, values: readonly unknown[] = []) =>
    (await owner.query(sql, [...values])).rows as Row[];
}

/**
 * Everything in the tables that is not as if nothing had ever been killed, a
 * sentence each: jobs and their ends, logs, money, audit, output, files, and
 * what should be gone.
 */
export async function problemsOf(
  ask: Ask,
  jobs: readonly Expected[],
  artifactsRoot: string,
): Promise<string[]> {
  const found = [
    await jobProblems(ask, jobs),
    await eventProblems(ask, jobs),
    await outputProblems(ask, jobs),
    await artifactProblems(ask, jobs, artifactsRoot),
    await moneyProblems(ask),
    await auditProblems(ask, jobs),
    await chainProblems(ask),
    await leftProblems(ask),
  ];
  return found.flat();
}

async function jobProblems(ask: Ask, jobs: readonly Expected[]): Promise<string[]> {
  const rows = await ask<{
    id: string;
    state: string;
    reason_code: string | null;
    exit_code: number | null;
  }>('select id, state, reason_code, exit_code from sandbox.job');
  const known = new Map(rows.map((row) => [row.id, row]));
  const wrong = jobs.flatMap(({ id, kind }) => {
    const { state, reason, exitCode } = kindOf(kind).end;
    const row = known.get(id);
    const told = `${row?.state} ${row?.reason_code} ${row?.exit_code}`;
    // The exit code of a program that was ended from outside is as the shell saw fit.
    const code = exitCode ?? row?.exit_code;
    const right = `${state} ${reason} ${code}`;
    return told === right ? [] : [`job ${id} that ${kind} is ${told}, not ${right}`];
  });
  if (rows.length === jobs.length) return wrong;
  return [...wrong, `${rows.length} jobs for ${jobs.length} that were submitted`];
}

async function eventProblems(ask: Ask, jobs: readonly Expected[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { id } of jobs) {
    const events = await ask<{ seq: string; type: string; state: string | null; attempt: number }>(
      `select seq, type, payload ->> 'state' as state, (payload ->> 'attempt')::int as attempt
       from sandbox.event where stream = $1 order by seq`,
      [`job:${id}`],
    );
    const dense = events.every(({ seq }, index) => Number(seq) === index + 1);
    if (!dense) problems.push(`the log of ${id} has a gap`);
    const states = events
      .filter(({ type }) => type === 'job.state-changed')
      .map(({ state, attempt }) => `${state} of ${attempt}`);
    if (new Set(states).size !== states.length) {
      problems.push(`a state of ${id} is told twice: ${states.join(', ')}`);
    }
    const ends = events.flatMap(({ type }, index) => (type === 'job.finished' ? [index + 1] : []));
    if (ends.length !== 1 || ends[0] !== events.length) {
      problems.push(`the log of ${id} does not end once: ${ends.join(', ')} of ${events.length}`);
    }
  }
  const open = await ask<{ stream: string }>(
    `select stream from sandbox.event_stream s where ended_at is null or last_seq <>
       (select count(*) from sandbox.event e where e.tenant_id = s.tenant_id and e.stream = s.stream)`,
  );
  return [...problems, ...open.map(({ stream }) => `the log ${stream} is not complete`)];
}

/** One fact and one charge for each attempt that ran, none for others, and an even ledger. */
async function moneyProblems(ask: Ask): Promise<string[]> {
  const attempts = await ask<{ what: string }>(`
    select a.job_id || ':' || a.attempt || ' has ' ||
      (case when a.started_at is null then 'not run' else 'run' end) || ', hold ' ||
      coalesce(h.state, 'none') || ', ' || (u.job_id is not null)::text || ' fact, ' ||
      (c.job_id is not null)::text || ' charge, settled ' || (a.settled_at is not null)::text as what
    from sandbox.job_attempt a
    left join billing.credit_hold h using (tenant_id, job_id, attempt)
    left join billing.usage_fact u using (tenant_id, job_id, attempt)
    left join billing.charge c using (tenant_id, job_id, attempt)
    where not coalesce(case when a.started_at is null
      then h.state in ('released', 'refused') and u.job_id is null and c.job_id is null
      else h.state = 'settled' and a.settled_at is not null and a.finished_at is not null
        and u.wall_ms = a.wall_ms and c.amount_minor > 0 end, false)`);
  const ledger = await ask<{ what: string }>(`
    select 'the balance of ' || a.tenant_id || '/' || a.code || ' is not the sum of its entries' as what
      from billing.ledger_account a
      where balance_minor <> (select coalesce(sum(amount_minor), 0) from billing.ledger_entry e
        where e.tenant_id = a.tenant_id and e.account = a.code and e.currency = a.currency
          and e.shard = a.shard and not e.pending)
    union all select 'credit is still held of ' || tenant_id from billing.ledger_account
      where code = 'held' and balance_minor <> 0
    union all select 'the revenue of ' || a.tenant_id || ' is not the sum of its charges'
      from billing.ledger_account a where code = 'revenue' group by tenant_id having sum(balance_minor) <>
        (select coalesce(sum(amount_minor), 0) from billing.charge c where c.tenant_id = a.tenant_id)
    union all select 'the ledger of ' || tenant_id || ' is not even' from billing.ledger_entry
      group by tenant_id having sum(amount_minor) <> 0
    union all select kind || ' of ' || source || ' is booked ' || count(*) || ' times'
      from billing.ledger_transaction group by tenant_id, kind, source having count(*) > 1
    union all select 'a fact of ' || job_id || ' that was not an attempt' from billing.usage_fact
      where (job_id, attempt) not in (select job_id, attempt from sandbox.job_attempt)`);
  return [...attempts, ...ledger].map(({ what }) => what);
}

/** One entry for each change of state in the log of a job, each hold and each charge; no other. */
async function auditProblems(ask: Ask, jobs: readonly Expected[]): Promise<string[]> {
  const entries = await ask<{ id: string; what: string }>(`
    select target_id as id, action || ' of ' || coalesce(text::jsonb -> 'facts' ->> 'attempt', '?') as what
    from compliance.audit_entry where target_type = 'job'`);
  const states = await ask<{ id: string; state: string; attempt: number }>(`
    select substr(stream, 5) as id, payload ->> 'state' as state, (payload ->> 'attempt')::int as attempt
    from sandbox.event where type = 'job.state-changed'`);
  const holds = await ask<{ id: string; attempt: number; state: string }>(
    'select job_id as id, attempt, state from billing.credit_hold where amount_minor > 0',
  );
  const expected = [
    ...states.map(({ id, state, attempt }) => `${id} ${jobAction(state, attempt)} of ${attempt}`),
    ...holds.map(({ id, attempt }) => `${id} hold.placed of ${attempt}`),
    ...holds.map(({ id, attempt, state }) =>
      state === 'settled'
        ? `${id} charge.settled of ${attempt}`
        : `${id} hold.${state} of ${attempt}`,
    ),
  ].sort();
  const told = entries.map(({ id, what }) => `${id} ${what}`).sort();
  const untold = expected.filter((one) => !told.includes(one));
  const unfounded = told.filter((one) => !expected.includes(one));
  const doubled = told.filter((one, index) => told[index - 1] === one);
  const strangers = entries.filter(({ id }) => !jobs.some((job) => job.id === id));
  return [
    ...untold.map((one) => `no audit entry says ${one}`),
    ...unfounded.map((one) => `an audit entry says ${one}`),
    ...doubled.map((one) => `two audit entries say ${one}`),
    ...strangers.map(({ id }) => `an audit entry is about ${id}`),
  ];
}

/** The chain of each tenant holds, from its first entry to its head. */
async function chainProblems(ask: Ask): Promise<string[]> {
  const problems: string[] = [];
  const chains = await ask<{ tenant_id: string; size: string; head: Buffer }>(
    'select tenant_id, size, head from compliance.audit_chain',
  );
  for (const { tenant_id: tenant, size, head } of chains) {
    const rows = await ask<AuditRow>(
      'select * from compliance.audit_entry where tenant_id = $1 order by sequence',
      [tenant],
    );
    const entries = rows.map((row) => entryOf(tenant, row));
    const check = checkChain({ sequence: 0, head: emptyHead }, entries, {
      ...{ sequence: Number(size), head },
    });
    if (!check.intact) problems.push(`the chain of ${tenant} breaks at ${check.firstBadSequence}`);
  }
  return problems;
}

interface AuditRow {
  readonly sequence: string;
  readonly id: string;
  readonly at: Date;
  readonly actor_type: string;
  readonly actor_id: string;
  readonly action: string;
  readonly target_type: string;
  readonly target_id: string;
  readonly outcome: 'success' | 'refused' | 'failure';
  readonly text: string;
  readonly leaf: Buffer;
  readonly head: Buffer;
}

function entryOf(tenant: string, row: AuditRow) {
  const { sequence, text, leaf, head, id, at, action, outcome } = row;
  const columns = {
    ...{ tenant, id, at, action, outcome },
    actor: { type: row.actor_type, id: row.actor_id },
    target: { type: row.target_type, id: row.target_id },
  };
  return { sequence: Number(sequence), text, leaf, head, columns };
}

/** Nothing is under way any more. */
async function leftProblems(ask: Ask): Promise<string[]> {
  const left = await ask<{ what: string }>(`
    select 'message ' || topic || ' for ' || subscriber || ' ' || coalesce(last_error, '') as what
      from forge.message
    union all select 'run ' || workflow_uuid || ' is ' || status from dbos.workflow_status
      where status <> 'SUCCESS'
    union all select 'start of ' || id from sandbox.workflow_start
    union all select 'signal for ' || run_id from sandbox.workflow_signal
    union all select 'record ' || name || ' of ' || run_id from sandbox.workflow_step`);
  return left.map(({ what }) => `left: ${what}`);
}

const actions: Readonly<Record<string, string>> = {
  QUEUED: 'submitted',
  ADMITTED: 'admitted',
  CREATING: 'creating',
  PULLING: 'pulling',
  RUNNING: 'started',
  COLLECTING: 'collecting',
  CANCELLING: 'cancel-requested',
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TIMED_OUT: 'timed-out',
};

function jobAction(state: string, attempt: number): string {
  const again = state === 'QUEUED' && attempt > 1;
  return `job.${again ? 'queued-again' : String(actions[state])}`;
}
