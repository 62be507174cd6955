/**
 * Who may import whom. Each rule's comment is what a person reads when it is broken;
 * `test/import-rules.test.ts` plants one violation of each and sees it caught by name.
 *
 * Tests and fixtures may reach into every room of their own subgraph, and what lies
 * under `test/` everywhere: they stand outside of what is shipped.
 */
const test = ['[.]test[.]ts$', '/fixtures/'];
const ours = '^(gateway|subgraphs|infra|test)/';
const subgraph = '^subgraphs/(?!shared/)([^/]+)/';

/** An npm package, installed or not. */
const packages = (...names) => `(^|node_modules/)(${names.join('|')})(/|$)`;

/** One room of a subgraph: besides npm it sees what is named here, `$1` being the own subgraph. */
const room = (name, comment, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `${subgraph}${name}/`, pathNot: test },
  to: { path: ours, pathNot: allowed },
});

/** Packages that only some places may use. */
const only = (name, comment, names, places) => ({
  name,
  comment,
  severity: 'error',
  from: { path: ours, pathNot: [...test, '^test/', ...places] },
  to: { path: packages(...names) },
});

const own = (...rooms) => `^subgraphs/$1/(${rooms.join('|')})/`;
const shared = '^subgraphs/shared/';

export default {
  forbidden: [
    {
      name: 'domain',
      comment:
        'domain/ is pure: it imports its own domain and shared errors, ids, money and time; no package, and of Node only hashing.',
      severity: 'error',
      from: { path: `${subgraph}domain/`, pathNot: test },
      to: {
        pathNot: [
          own('domain'),
          '^subgraphs/shared/(errors|ids|money|time)[.]ts$',
          '^(node:)?crypto$',
        ],
      },
    },
    room('store', 'store/ imports its own domain and store, and shared.', [
      own('domain', 'store'),
      shared,
    ]),
    room('providers', 'providers/ imports its own domain and providers, and shared.', [
      own('domain', 'providers'),
      shared,
    ]),
    room('workflows', 'workflows/ imports its own domain, store, workflows, and shared.', [
      own('domain', 'store', 'workflows', 'providers'),
      shared,
    ]),
    {
      name: 'workflows-take-providers-as-arguments',
      comment: 'A workflow knows the type of a provider; the provider itself is given to it.',
      severity: 'error',
      from: { path: `${subgraph}workflows/`, pathNot: test },
      to: { path: own('providers'), dependencyTypesNot: ['type-only'] },
    },
    room('graph', 'graph/ imports its own domain, store, workflows and graph, and shared.', [
      own('domain', 'store', 'workflows', 'graph'),
      shared,
    ]),
    {
      name: 'subgraph-index',
      comment: "A subgraph's index.ts imports its own rooms, and shared.",
      severity: 'error',
      from: { path: `${subgraph}[^/]+[.]ts$`, pathNot: test },
      to: { path: ours, pathNot: ['^subgraphs/$1/', shared] },
    },
    {
      name: 'subgraphs-meet-in-the-graph',
      comment:
        'A subgraph never imports another one: they meet in the graph and in the outbox. This holds for its tests too.',
      severity: 'error',
      from: { path: subgraph },
      to: { path: '^subgraphs/', pathNot: ['^subgraphs/$1/', shared] },
    },
    {
      name: 'subgraph-list',
      comment: 'subgraphs/index.ts and main.ts see subgraphs as values, not their rooms.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+[.]ts$', pathNot: test },
      to: {
        path: ours,
        pathNot: ['^subgraphs/[^/]+[.]ts$', '^subgraphs/[^/]+/index[.]ts$', shared],
      },
    },
    {
      name: 'shared',
      comment: 'The kernel imports nothing but itself.',
      severity: 'error',
      from: { path: shared, pathNot: test },
      to: { path: ours, pathNot: [shared] },
    },
    {
      name: 'gateway',
      comment:
        'The gateway imports itself and shared config, errors, log, telemetry, health, http-client, retry-budget, auth, access and keys.',
      severity: 'error',
      from: { path: '^gateway/', pathNot: test },
      to: {
        path: ours,
        pathNot: [
          '^gateway/',
          '^subgraphs/shared/(config|errors|log|telemetry|health|http-client|retry-budget|auth|access|keys)[.]ts$',
        ],
      },
    },
    {
      name: 'product-without-tests',
      comment: 'What is shipped does not import tests, fixtures or the tools of tests.',
      severity: 'error',
      from: { path: ours, pathNot: [...test, '^test/'] },
      to: { path: [...test, '^test/', packages('@jest/globals', 'fast-check')] },
    },
    {
      name: 'product-without-infra',
      comment: 'gateway/ and subgraphs/ do not know what they are started by.',
      severity: 'error',
      from: { path: '^(gateway|subgraphs)/', pathNot: test },
      to: { path: '^infra/' },
    },
    only(
      'vendor-sdks-in-providers',
      "A vendor's SDK is used in providers/ alone, in the file of that vendor.",
      [
        'stripe',
        'jsforce',
        '@kubernetes',
        '@hubspot',
        'node-zendesk',
        'ai',
        '@ai-sdk',
        'openai',
        '@anthropic-ai',
      ],
      [`${subgraph}providers/`],
    ),
    only(
      'sql-in-store',
      'typeorm and pg are used in store/, in the kernel where it is about the database, and for writing schema/.',
      ['typeorm', 'pg'],
      [
        `${subgraph}store/`,
        '^infra/schema/',
        '^subgraphs/shared/(db|events|host|wakeups|workflow|workflow-engine|workflow-run|executor-lease)[.]ts$',
      ],
    ),
    only(
      'dbos-behind-workflow',
      'Durable runs are started and written through shared/workflow.ts; its engine alone knows DBOS.',
      ['@dbos-inc'],
      ['^subgraphs/shared/workflow(-engine|-run)?[.]ts$'],
    ),
    only(
      'type-graphql-in-graph',
      'type-graphql is used in graph/ and in the parts of the kernel that are about the graph.',
      ['type-graphql'],
      [`${subgraph}graph/`, '^subgraphs/shared/(graph|host|pagination|subgraph-schema)[.]ts$'],
    ),
    only(
      'apollo-in-gateway',
      '@apollo/* is used in gateway/, in the kernel where it is about the graph, and for composing schema/.',
      ['@apollo'],
      ['^gateway/', '^infra/schema/', '^subgraphs/shared/(graph|host|subgraph-schema)[.]ts$'],
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs', '.json'] },
  },
};
