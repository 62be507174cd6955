import process from 'node:process';
import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph';
import type { DocumentNode, ExecutionResult } from 'graphql';
import { execute, parse, subscribe } from 'graphql';
import { createGateway } from '../../../gateway/gateway.ts';
import { defaultLimits } from '../../../gateway/limits/limits.ts';
import type {
  GraphRequest,
  SubgraphEndpoint,
} from '../../../gateway/subgraph-client/subgraph-client.ts';
import { fixedSupergraph } from '../../../gateway/supergraph/source.ts';
import { createLog } from '../../../subgraphs/shared/log.ts';
import { costOf, jobsText } from './graph.ts';
import type { JobEvent } from './graph.ts';
import { Happenings, takeOrders } from './happenings.ts';

/**
 * Our gateway as in production, with two subgraphs in its process: one has the
 * events, the other one what a job costs.
 */
const fed =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])';
const jobs = `${fed} ${jobsText} type Job @key(fields: "id") { id: ID! }`;
const billing = `${fed} type Job @key(fields: "id") { id: ID! cost: Cost! }
  type Cost { amountMinor: Int! currency: String! }`;
const happenings = new Happenings();
const documents = new Map<string, DocumentNode>();

const endpoints = [
  endpoint('jobs', jobs, {
    Subscription: {
      jobEvents: {
        subscribe: (_root: unknown, _args: unknown, { signal }: { signal: AbortSignal }) =>
          happenings.read(signal),
        resolve: (event: JobEvent) => event,
      },
    },
  }),
  endpoint('billing', billing, {
    Job: {
      __resolveReference: (reference: object) => reference,
      cost: () => costOf(happenings.seq),
    },
  }),
];
const { supergraphSdl } = composeServices(
  endpoints.map(({ name, sdl }) => ({
    name,
    typeDefs: parse(sdl),
    url: `http://127.0.0.1:9/${name}`,
  })),
);
if (supergraphSdl === undefined) throw new Error('The graph cannot be composed');

const identity = {
  tenant: 'acme',
  actor: { type: 'user', id: 'alice' },
  scopes: [],
  expiresAt: new Date(Date.now() + 86_400_000),
} as const;
const gateway = await createGateway({
  config: { production: true, apollo: { key: undefined, graphRef: undefined } },
  log: createLog({ level: 'warn' }),
  supergraph: fixedSupergraph(supergraphSdl),
  endpoints: new Map(endpoints.map((one) => [one.name, one])),
  verifyToken: () => Promise.resolve(identity),
  identityKeys: { identity: Buffer.alloc(32, 7) },
  host: '127.0.0.1',
  port: 0,
  auth: true,
  limits: {
    subscriptionsPerActorMax: 50_000,
    subscriptionsPerTenantMax: 50_000,
    tenant: {
      ...defaultLimits.tenant,
      requestsPerSecond: 1e6,
      requestsBurst: 1e6,
      concurrentMax: 1e5,
    },
  },
});
takeOrders(happenings);
process.stdout.write(`ready ${gateway.url}\n`);

function endpoint(name: string, sdl: string, resolvers: object): SubgraphEndpoint {
  const schema = buildSubgraphSchema([
    { typeDefs: parse(sdl), resolvers: resolvers as GraphQLResolverMap<unknown> },
  ]);
  const args = ({ query, variables }: GraphRequest, signal: AbortSignal) => {
    const document = documents.get(query) ?? parse(query);
    documents.set(query, document);
    return { schema, document, variableValues: variables ?? {}, contextValue: { signal } };
  };
  return {
    name,
    sdl,
    execute: async (request, _headers, signal) => execute(args(request, signal)),
    async subscribe(request, _headers, signal): Promise<AsyncIterable<ExecutionResult>> {
      const events = await subscribe(args(request, signal));
      if (Symbol.asyncIterator in events) return events;
      throw new Error(events.errors?.[0]?.message);
    },
  };
}
