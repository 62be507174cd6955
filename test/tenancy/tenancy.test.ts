import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FormattedExecutionResult } from 'graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { loadSupergraph } from '../../gateway/supergraph/supergraph.ts';
import { root } from '../../infra/root.ts';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { openDatabase } from '../../subgraphs/shared/db.ts';
import type { Database } from '../../subgraphs/shared/db.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { loadKeys } from '../../subgraphs/shared/keys.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';
import { askSubgraph } from '../support/ask.ts';
import { freshUrl } from '../support/database.ts';
import { startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';
import { idOperations } from './operations.ts';

const supergraph = loadSupergraph(await readFile(join(root, 'schema/supergraph.graphql'), 'utf8'));
const log = createLog({ level: 'silent' });

let forge: Product;
let databaseUrl: string;
/** Things of acme, by the type of the graph, and ids of the same form that are nobody's. */
let ours: Record<string, string>;
let nobodys: Record<string, string>;

beforeAll(async () => {
  databaseUrl = await freshUrl();
  forge = await startProduct({ env: { DATABASE_URL: databaseUrl } });
  ours = await thingsOf('acme');
  nobodys = Object.fromEntries(
    Object.entries(ours).map(([type, id]) => [type, id.replace(/[0-9a-z]{26}$/, '0'.repeat(26))]),
  );
}, 120_000);
afterAll(() => forge.remove(), 60_000);

type Asked = Readonly<Record<string, Record<string, unknown>>>;

async function ask(tenant: string, query: string, variables = {}): Promise<Asked> {
  const { data, errors } = await forge.ask(tenant, query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data as Asked;
}

/** One of each thing that has an id, made by the tenant. */
async function thingsOf(tenant: string): Promise<Record<string, string>> {
  const source = 'echo hello; echo file > "$FORGE_ARTIFACTS/result.txt"';
  const { submitJob } = await ask(
    tenant,
    `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }`,
    { input: { idempotencyKey: 'tenancy', spec: { template: 'shell', source } } },
  );
  const job = (submitJob as { job: { id: string } }).job.id;
  const input = { template: 'shell', source: 'true', title: 'Check' };
  const { startPlaybookRun } = await ask(
    tenant,
    `mutation ($input: StartPlaybookRunInput!) { startPlaybookRun(input: $input) {
      ... on StartPlaybookRunSuccess { run { id } } ... on Refusal { message } } }`,
    {
      input: { idempotencyKey: 'tenancy-run', playbookId: 'software-engineering.run-check', input },
    },
  );
  const run = (startPlaybookRun as { run: { id: string } }).run.id;
  const artifact = await eventually(async () => {
    const found = await ask(
      tenant,
      `{ job(id: "${job}") { state artifacts { edges { node { id } } } } }`,
    );
    const { artifacts } = found['job'] as { artifacts: { edges: { node: { id: string } }[] } };
    return artifacts.edges[0]?.node.id;
  });
  const approval = await eventually(async () => {
    const found = await ask(tenant, `{ playbookRun(id: "${run}") { approvals { id } } }`);
    return (found['playbookRun'] as { approvals: { id: string }[] }).approvals[0]?.id;
  });
  const trail = await ask(tenant, `{ job(id: "${job}") { auditTrail { edges { node { id } } } } }`);
  const { auditTrail } = trail['job'] as { auditTrail: { edges: { node: { id: string } }[] } };
  const { createMeter } = await ask(
    tenant,
    `mutation { createMeter(input: { idempotencyKey: "tenancy-meter", slug: "tenancy", name: "M",
      eventType: "used", aggregation: COUNT, unit: "u" }) { ... on CreateMeterSuccess { meter { id } } } }`,
  );
  const { ledgerTransactions } = await ask(
    tenant,
    '{ ledgerTransactions(first: 1) { edges { node { id } } } }',
  );
  const { createPayment } = await ask(
    tenant,
    `mutation { createPayment(input: { idempotencyKey: "tenancy-payment", paymentMethod: "pm_card_visa",
      amount: { amountMinor: "100", currency: "USD" } }) { ... on CreatePaymentSuccess { payment { id } } } }`,
  );
  const payment = (createPayment as { payment: { id: string } }).payment.id;
  const { createRefund } = await ask(
    tenant,
    `mutation { createRefund(input: { idempotencyKey: "tenancy-refund", paymentId: "${payment}",
      amountMinor: "1" }) { ... on RefundSuccess { refund { id } } ... on Refusal { message } } }`,
  );
  await ask(
    tenant,
    `mutation { createPayment(input: { idempotencyKey: "tenancy-disputed", paymentMethod: "pm_card_createDispute",
      amount: { amountMinor: "100", currency: "USD" } }) { __typename } }`,
  );
  const dispute = await eventually(async () => {
    const found = await ask(tenant, '{ disputes { edges { node { id } } } }');
    return (found['disputes'] as { edges: { node: { id: string } }[] }).edges[0]?.node.id;
  });
  const { createPlanVersion } = await ask(
    tenant,
    `mutation { createPlanVersion(input: { idempotencyKey: "tenancy-plan", slug: "tenancy", name: "P",
      currency: "USD", interval: MONTH, charges: [{ key: "seat", label: "Seat",
      price: { kind: FLAT, amount: "100" } }] }) { ... on CreatePlanVersionSuccess { plan { id } } } }`,
  );
  const planId = (createPlanVersion as { plan: { id: string } }).plan.id;
  const { subscribe } = await ask(
    tenant,
    `mutation { subscribe(input: { idempotencyKey: "tenancy-sub", planId: "${planId}", customer: "c" }) {
      ... on SubscriptionSuccess { subscription { id } } } }`,
  );
  const { edges } = ledgerTransactions as { edges: { node: { id: string } }[] };
  return {
    Job: job,
    Meter: (createMeter as { meter: { id: string } }).meter.id,
    Plan: planId,
    BillingSubscription: (subscribe as { subscription: { id: string } }).subscription.id,
    LedgerTransaction: edges[0]?.node.id ?? '',
    Payment: payment,
    Refund: (createRefund as { refund?: { id: string } }).refund?.id ?? '',
    Dispute: dispute,
    Artifact: artifact,
    PlaybookRun: run,
    Approval: approval,
    AuditEntry: auditTrail.edges[0]?.node.id ?? '',
    Tenant: tenant,
  };
}

async function eventually<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not happen in time');
}

/** An answer without what differs from request to request, and without the id that was asked for. */
function comparable(answer: unknown, id: string): string {
  return JSON.stringify(answer)
    .replaceAll(/"requestId":"[^"]*"/g, '"requestId":""')
    .replaceAll(id, '(id)');
}

/** Asks again when it was too often: these tests ask many things that nobody asked before. */
async function patiently(ask: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    const answer = await ask();
    if (!JSON.stringify(answer).includes('RATE_LIMITED')) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function subscribed(tenant: string, query: string): Promise<unknown[]> {
  const token = await forge.token(tenant);
  const client = createClient({
    url: forge.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const results: unknown[] = [];
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 1_500);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    client.subscribe(
      { query },
      {
        next: (result) => void results.push(result),
        error: (error) => {
          results.push({ error });
          done();
        },
        complete: done,
      },
    );
  });
  await client.dispose();
  return results;
}

describe("another tenant's id, wherever the graph takes one", () => {
  const operations = idOperations(supergraph.schema);
  const cases = operations.map((operation) => [operation.name, operation] as const);

  it.each(cases)(
    'answers exactly as a missing one: %s',
    async (_name, operation) => {
      for (const type of Object.keys(ours)) {
        const answers: string[] = [];
        for (const id of [ours[type] ?? '', nobodys[type] ?? '']) {
          const asked = type === 'Tenant' && id === 'acme' ? ['acme', 'nobody'] : [id];
          for (const one of asked) {
            const query = operation.document(one, `key-${operation.name}-${one}`);
            const answer = await patiently(() =>
              operation.kind === 'subscription'
                ? subscribed('globex', query)
                : forge.ask('globex', query),
            );
            answers.push(comparable(answer, one));
          }
        }
        expect(new Set(answers).size).toBe(1);
      }
    },
    60_000,
  );

  it('is covered by operations of every kind', () => {
    const kinds = new Set(operations.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['query', 'mutation', 'subscription']));
    expect(operations.length).toBeGreaterThan(8);
  });
});

describe("another tenant's entity, asked of a subgraph as the gateway does", () => {
  const config = loadConfig({ FORGE_DATA_DIR: '/nonexistent' });
  const keys = loadKeys({
    rootSecret: Buffer.alloc(32).toString('base64'),
    production: true,
    dataDir: '',
  });
  const kernel = { log, clock: systemClock, keys };
  const opened: Database[] = [];
  afterAll(async () => {
    await Promise.all(opened.map((db) => db.close()));
  });

  it.each(subgraphNames)(
    'reads as missing: %s',
    async (name) => {
      const subgraph = makeSubgraph(name, config, kernel);
      const { entities } = subgraph;
      const db = await openDatabase({ url: databaseUrl, name, entities, poolMax: 2, log });
      opened.push(db);
      const asked = askSubgraph(subgraph, db);
      for (const type of Object.keys(subgraph.references)) {
        const id = ours[type];
        if (id === undefined) continue;
        const object = supergraph.schema.getType(type);
        const fields = await fieldsOf(asked, type);
        const query = `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { __typename ... on ${type} { ${fields} } } }`;
        const answerTo = async (tenant: string, one: string): Promise<FormattedExecutionResult> =>
          JSON.parse(
            comparable(
              await asked({ tenant }, query, { representations: [{ __typename: type, id: one }] }),
              one,
            ),
          ) as FormattedExecutionResult;
        expect(object).toBeDefined();
        const missing = type === 'Tenant' ? 'nobody' : (nobodys[type] ?? '');
        expect(await answerTo('globex', id)).toEqual(await answerTo('globex', missing));
      }
    },
    60_000,
  );

  /** The fields of an entity that this subgraph resolves by itself, without arguments. */
  async function fieldsOf(asked: ReturnType<typeof askSubgraph>, type: string): Promise<string> {
    const { data } = await asked(
      { tenant: 'globex' },
      `{ __type(name: "${type}") { fields { name args { type { kind } } type { kind name ofType { kind name ofType { kind name } } } } } }`,
    );
    interface Shape {
      readonly kind: string;
      readonly name: string | null;
      readonly ofType?: Shape | null;
    }
    const { __type: shape } = data as {
      __type: { fields: { name: string; args: { type: Shape }[]; type: Shape }[] };
    };
    const leaf = ({ kind, ofType }: Shape): boolean =>
      kind === 'SCALAR' || kind === 'ENUM' || (ofType != null && leaf(ofType));
    return shape.fields
      .map(({ name, type: of }) => (leaf(of) ? name : `${name} { __typename }`))
      .filter((text) => !text.startsWith('usage ') && text !== 'state')
      .join(' ');
  }
});

describe("another tenant's cursor", () => {
  it('is no cursor', async () => {
    const list = '{ jobs(first: 1) { edges { cursor } } }';
    const { jobs } = await ask('acme', list);
    const [edge] = (jobs as { edges: { cursor: string }[] }).edges;
    const page = (cursor: string): string =>
      `{ jobs(first: 1, after: "${cursor}") { edges { cursor } } }`;
    const foreign = await forge.ask('globex', page(edge?.cursor ?? ''));
    const garbage = await forge.ask('globex', page('garbage'));
    expect(comparable(foreign, '-')).toBe(comparable(garbage, '-'));
    expect(foreign.errors?.[0]?.extensions?.['code']).toBe('INVALID_CURSOR');
  });
});
