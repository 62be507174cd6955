import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pool } from 'pg';
import type { MeterDraft } from '../../../subgraphs/billing/domain/metering/meter.ts';
import { usageRoute } from '../../../subgraphs/billing/graph/metering/usage-route.ts';
import { insertMeter } from '../../../subgraphs/billing/store/metering/meters.ts';
import type { MeterRow } from '../../../subgraphs/billing/store/metering/rows.ts';
import { readQuantity } from '../../../subgraphs/billing/store/metering/usage.ts';
import type { Database } from '../../../subgraphs/shared/db.ts';
import { createLog } from '../../../subgraphs/shared/log.ts';
import { systemClock } from '../../../subgraphs/shared/time.ts';
import type { Finding } from '../finding.ts';
import type { Rate } from './tables.ts';
import { openTables, rate } from './tables.ts';

const seconds = 8;
const batch = 500;
const copies = 3;
/** Of what bare tables take for a CPU second: ours add HTTP, JSON, a hash of each event, and the client's own work. */
const ratioMin = 0.1;

/**
 * How many usage events are taken in a second over HTTP, in batches that are each
 * sent three times at once, and whether each counted once. Beside it what the same
 * Postgres takes of bare rows by one statement: names kept once, sums by the hour.
 */
export async function metering(): Promise<readonly Finding[]> {
  const { db, bare, remove } = await openTables();
  const service = await serve(db);
  try {
    await createBare(bare);
    const meter = await createMeter(db);
    const bareRate = await rate(seconds, () => bareBatch(bare));
    let sums = 0;
    const ours = await rate(seconds, async () => {
      const { body, sum } = nextBatch();
      const told = await Promise.all(Array.from({ length: copies }, () => service.send(body)));
      if (told.reduce((total, { accepted }) => total + accepted, 0) !== batch) {
        throw new Error(`Of ${String(batch)} events ${JSON.stringify(told)} were taken.`);
      }
      sums += sum;
      return batch * copies;
    });
    await checkOnce(db, meter, sums);
    return [
      ...figures('bare Postgres, batches of 500', bareRate),
      ...figures('over HTTP, batches of 500, each three times at once', ours),
      {
        name: 'over HTTP, each three times at once, of bare Postgres',
        value: Math.round((ours.perCpuSecond / bareRate.perCpuSecond) * 100) / 100,
        unit: 'ratio',
        floor: ratioMin,
      },
    ];
  } finally {
    service.close();
    await remove();
  }
}

function figures(name: string, { perSecond, perCpuSecond }: Rate): Finding[] {
  return [
    { name, value: perSecond, unit: 'events/s' },
    { name, value: perCpuSecond, unit: 'events/CPU s' },
  ];
}

const tenant = 'acme';

async function createMeter(db: Database): Promise<MeterRow> {
  const draft: MeterDraft = {
    ...{ slug: 'tokens', name: 'Tokens', eventType: 'llm.used', unit: 'token' },
    aggregation: 'SUM',
    ...{ valueProperty: 'tokens', groupBy: ['model'] },
  };
  const meter = await db.tx(tenant, (tx) => insertMeter(tx, draft, new Date()));
  if (!meter) throw new Error('The meter could not be made.');
  return meter;
}

let made = 0;

function nextBatch(): { readonly body: string; readonly sum: number } {
  let sum = 0;
  const time = new Date().toISOString();
  const events = Array.from({ length: batch }, () => {
    made += 1;
    sum += made % 1_000;
    return {
      ...{
        specversion: '1.0',
        id: `event-${String(made)}`,
        source: '/bench',
        type: 'llm.used',
        time,
      },
      subject: `job-${String(made % 20)}`,
      data: { tokens: made % 1_000, model: made % 2 === 0 ? 'large' : 'small' },
    };
  });
  return { body: JSON.stringify(events), sum };
}

interface Told {
  readonly accepted: number;
}

/** The route behind a server of its own, and a client that keeps its connections. */
async function serve(db: Database) {
  const route = usageRoute({
    ...{ db, clock: systemClock, log: createLog({ level: 'error' }) },
    verifyToken: () =>
      Promise.resolve({
        tenant,
        actor: { type: 'service', id: 'bench' },
        scopes: ['billing:write'],
        expiresAt: new Date(Date.now() + 3_600_000),
      }),
  });
  const server = createServer((incoming, response) => {
    void route(incoming, response, new URL(incoming.url ?? '/', 'http://bench'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const headers = {
    authorization: 'Bearer bench',
    'content-type': 'application/cloudevents-batch+json',
  };
  return {
    send: (body: string): Promise<Told> =>
      new Promise((resolve, reject) => {
        const options = { port, agent, method: 'POST', path: '/v1/events', headers };
        const sent = request(options, (response) => {
          let text = '';
          response.on('data', (part: Buffer) => (text += part.toString()));
          response.on('end', () => {
            if (response.statusCode === 200) resolve(JSON.parse(text) as Told);
            else reject(new Error(text));
          });
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    close(): void {
      agent.destroy();
      server.close();
      server.closeAllConnections();
    },
  };
}

async function checkOnce(db: Database, meter: MeterRow, sums: number): Promise<void> {
  const span = { from: new Date(0), to: new Date(Date.now() + 3_600_000) };
  const told = await db.tx(tenant, (tx) => readQuantity(tx, meter, span));
  if (Number(told) !== sums) throw new Error(`${String(told)} was counted of ${String(sums)}.`);
}

async function createBare(pool: Pool): Promise<void> {
  await pool.query(`
    create table bare.event (source text, id text, type text, subject text, time timestamptz,
      value bigint, primary key (source, id));
    create table bare.bucket (subject text, hour timestamptz, events bigint, total bigint,
      primary key (subject, hour));`);
}

async function bareBatch(pool: Pool): Promise<number> {
  const now = new Date();
  const numbers = Array.from({ length: batch }, () => (made += 1));
  await pool.query({
    name: 'batch',
    text: `with fresh as (
        insert into bare.event select 'bench', id, 'llm.used', subject, $3::timestamptz, value
        from unnest($1::text[], $2::text[], $4::bigint[]) e (id, subject, value) order by id
        on conflict do nothing returning subject, time, value
      ) insert into bare.bucket as b
        select subject, date_trunc('hour', time), count(*), sum(value) from fresh group by 1, 2 order by 1, 2
        on conflict (subject, hour) do update set events = b.events + excluded.events,
          total = b.total + excluded.total`,
    values: [
      numbers.map((n) => `event-${String(n)}`),
      numbers.map((n) => `job-${String(n % 20)}`),
      now,
      numbers.map((n) => n % 1_000),
    ],
  });
  return batch;
}
