/**
 * The gateway with all subgraphs behind it, but without their workers, in a
 * process of its own: `node front.js`, configured as the product is.
 */
import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { createGateway } from '../../gateway/gateway.ts';
import { fixedSupergraph } from '../../gateway/supergraph/source.ts';
import { ensureIssuer } from '../../infra/embedded/issuer.ts';
import { root } from '../../infra/root.ts';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import { createTokenVerifier } from '../../subgraphs/shared/auth.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { migrate } from '../../subgraphs/shared/db.ts';
import { mountSubgraph, openSubgraphDatabase } from '../../subgraphs/shared/host.ts';
import { loadKeys } from '../../subgraphs/shared/keys.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { kernelTables } from '../../subgraphs/shared/tables.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';

const config = loadConfig();
const log = createLog(config.log);
const { databaseUrl: url = '', poolMax } = config;
const keys = loadKeys(config.keys);
await ensureIssuer(config);
const subgraphs = subgraphNames.map((name) =>
  makeSubgraph(name, config, { log, clock: systemClock, keys }),
);
await migrate(url, subgraphs, kernelTables);
const members = await Promise.all(
  subgraphs.map(async (subgraph) => {
    const db = await openSubgraphDatabase(subgraph, { url, poolMax, log });
    const parties = { identityKeys: keys, cursorKey: keys.cursor, clock: systemClock };
    const endpoint = await mountSubgraph(subgraph, { db, ...parties, log });
    return { endpoint, routes: subgraph.routes?.(db) ?? [] };
  }),
);
const schema = join(root, 'schema/supergraph.graphql');
const gateway = await createGateway({
  config,
  log,
  supergraph: fixedSupergraph(await readFile(schema, 'utf8')),
  endpoints: new Map(members.map(({ endpoint }) => [endpoint.name, endpoint])),
  verifyToken: createTokenVerifier(config.auth, keys),
  identityKeys: keys,
  host: config.gateway.host,
  port: config.gateway.port,
  auth: true,
  routes: members.flatMap(({ routes }) => routes),
});
process.stdout.write(`ready ${gateway.url}\n`);
flushCompileCache();
