import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import { parse, visit } from 'graphql';
import { root } from '../../infra/root.ts';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import type { SubgraphName } from '../../subgraphs/index.ts';
import { permissions } from '../../subgraphs/shared/access.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { openDatabase } from '../../subgraphs/shared/db.ts';
import type { Database } from '../../subgraphs/shared/db.ts';
import { loadKeys } from '../../subgraphs/shared/keys.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';
import { askSubgraph } from '../support/ask.ts';
import { freshUrl } from '../support/database.ts';
import { startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';

/** What everybody with a token may know of an entity: its own id, and the company it belongs to. */
const open = new Set(['Tenant.name']);

const log = createLog({ level: 'silent' });
const config = loadConfig({ FORGE_DATA_DIR: '/nonexistent' });
const rootSecret = Buffer.alloc(32).toString('base64');
const keys = loadKeys({ rootSecret, production: true, dataDir: '' });

let forge: Product;
let databaseUrl: string;
let things: Record<string, string>;
const opened: Database[] = [];

beforeAll(async () => {
  databaseUrl = await freshUrl();
  forge = await startProduct({ env: { DATABASE_URL: databaseUrl } });
  things = await thingsOf();
}, 120_000);
afterAll(async () => {
  await Promise.all(opened.map((db) => db.close()));
  await forge.remove();
}, 60_000);

/** These are there without anybody making them. */
const fixed = {
  Tenant: 'acme',
  Playbook: 'software-engineering.run-check',
  Vertical: 'software-engineering',
};

interface Answer {
  readonly [name: string]: Answer & { readonly id: string };
}

async function ask(query: string): Promise<Answer> {
  const { data, errors } = await forge.ask('acme', query);
  if (errors) throw new Error(JSON.stringify(errors));
  return data as Answer;
}

/** One of each entity, by its type. */
async function thingsOf(): Promise<Record<string, string>> {
  const job = await ask(`mutation { submitJob(input: { idempotencyKey: "access",
    spec: { template: "shell", source: "true" } }) { ... on SubmitJobSuccess { job { id } } } }`);
  const run = await ask(`mutation { startPlaybookRun(input: { idempotencyKey: "access-run",
    playbookId: "software-engineering.run-check",
    input: { template: "shell", source: "true", title: "Check" } }) {
      ... on StartPlaybookRunSuccess { run { id } } } }`);
  const runId = run['startPlaybookRun']?.['run']?.id ?? '';
  const approval = await eventually(`{ playbookRun(id: "${runId}") { approvals { id } } }`);
  const jobId = job['submitJob']?.['job']?.id ?? '';
  const entry = await eventually(
    `{ job(id: "${jobId}") { auditTrail { edges { node { id } } } } }`,
  );
  return {
    ...{ Job: jobId, PlaybookRun: runId, Approval: approval, AuditEntry: entry, ...fixed },
    ...(await paymentThings()),
  };
}

/** A payment of which a part went back, and that is disputed. */
async function paymentThings(): Promise<Record<string, string>> {
  const made = await ask(`mutation { createPayment(input: { idempotencyKey: "access-payment",
    amount: { amountMinor: "100", currency: "USD" }, paymentMethod: "pm_card_visa" }) {
      ... on CreatePaymentSuccess { payment { id } } } }`);
  const Payment = made['createPayment']?.['payment']?.id ?? '';
  const back = await ask(`mutation { createRefund(input: { idempotencyKey: "access-refund",
    paymentId: "${Payment}", amountMinor: "1" }) { ... on RefundSuccess { refund { id } } } }`);
  await ask(`mutation { createPayment(input: { idempotencyKey: "access-disputed",
    amount: { amountMinor: "100", currency: "USD" }, paymentMethod: "pm_card_createDispute" }) {
      ... on CreatePaymentSuccess { payment { id } } } }`);
  const Dispute = await eventually('{ disputes { edges { node { id } } } }');
  return { Payment, Dispute, Refund: back['createRefund']?.['refund']?.id ?? '' };
}

/** The first id within a list of an answer, as soon as there is one. */
async function eventually(query: string): Promise<string> {
  for (let tries = 0; tries < 400; tries += 1) {
    const text = JSON.stringify(await ask(query));
    const id = /"id":"([^"]+)"/.exec(text)?.[1];
    if (id !== undefined) return id;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not happen in time');
}

/** What a subgraph is told of others' fields, and gives back as it was told. */
async function externalFields(name: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const sdl = await readFile(join(root, 'schema', `${name}.graphql`), 'utf8');
  visit(parse(sdl), {
    ObjectTypeDefinition({ name: { value: type }, fields = [] }) {
      for (const { name: field, directives = [] } of fields) {
        if (directives.some((one) => one.name.value === 'external')) {
          found.add(`${type}.${field.value}`);
        }
      }
    },
  });
  return found;
}

interface Shape {
  readonly kind: string;
  readonly ofType?: Shape | null;
}

const isLeaf = ({ kind, ofType }: Shape): boolean =>
  kind === 'SCALAR' || kind === 'ENUM' || (ofType != null && isLeaf(ofType));

/** Each field of an entity that a subgraph gives, as a selection. */
async function fieldsOf(asked: Ask, type: string): Promise<readonly (readonly [string, string])[]> {
  const of = 'kind ofType { kind ofType { kind ofType { kind } } }';
  const { data } = await asked(
    { tenant: 'acme' },
    `{ __type(name: "${type}") { fields { name type { ${of} } } } }`,
  );
  const { __type: shape } = data as { __type: { fields: { name: string; type: Shape }[] } };
  return shape.fields
    .filter(({ name }) => name !== 'id')
    .map(({ name, type: given }) => [name, isLeaf(given) ? name : `${name} { __typename }`]);
}

type Ask = ReturnType<typeof askSubgraph>;

async function subgraphOf(name: SubgraphName) {
  const subgraph = makeSubgraph(name, config, { log, clock: systemClock, keys });
  const { entities } = subgraph;
  const db = await openDatabase({ url: databaseUrl, name, entities, poolMax: 2, log });
  opened.push(db);
  return { subgraph, asked: askSubgraph(subgraph, db) };
}

/** What a field of an entity is when a subgraph is asked as the gateway asks it. */
function entityOf({ data, errors }: ExecutionResult, field: string) {
  const [entity] = (data?.['_entities'] ?? []) as (Record<string, unknown> | null)[];
  return { value: entity?.[field] ?? null, errors };
}

describe('an entity, asked for by reference past every field that leads to it', () => {
  it.each(subgraphNames)(
    'gives nothing of itself to who has no permission, whatever the field: %s',
    async (name) => {
      const { subgraph, asked } = await subgraphOf(name);
      const external = await externalFields(name);
      let checked = 0;
      let readable = 0;
      for (const type of Object.keys(subgraph.references)) {
        const id = things[type];
        if (id === undefined) continue;
        for (const [field, selection] of await fieldsOf(asked, type)) {
          if (open.has(`${type}.${field}`) || external.has(`${type}.${field}`)) continue;
          const query = `query ($representations: [_Any!]!) {
            _entities(representations: $representations) { ... on ${type} { ${selection} } } }`;
          const given = { __typename: type, id, state: 'SUCCEEDED', usage: null };
          const answer = (scopes: readonly string[]) =>
            asked({ tenant: 'acme', scopes }, query, { representations: [given] });
          for (const scopes of [[], ['nonsense'], ['role:'], ['*'], [`${name}:admin`]]) {
            const refused = entityOf(await answer(scopes), field);
            expect({ at: `${type}.${field}`, value: refused.value }).toEqual({
              at: `${type}.${field}`,
              value: null,
            });
          }
          checked += 1;
          const allowed = entityOf(await answer(permissions), field);
          const codes = allowed.errors?.map(({ extensions }) => extensions['code']) ?? [];
          expect(codes).not.toContain('FORBIDDEN');
          if (allowed.value !== null) readable += 1;
        }
      }
      expect(checked).toBeGreaterThan(0);
      // Nobody would notice a test that asks for nothing.
      expect(readable).toBeGreaterThan(0);
    },
    120_000,
  );

  it('is there for every entity of the graph', () => {
    const types = new Set<string>();
    for (const name of subgraphNames) {
      const { references } = makeSubgraph(name, config, { log, clock: systemClock, keys });
      for (const type of Object.keys(references)) types.add(type);
    }
    expect([...types].sort()).toEqual(Object.keys(things).sort());
  });
});
