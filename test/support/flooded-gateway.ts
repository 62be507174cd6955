/**
 * A gateway over small subgraphs in a process of its own, for floods. A token
 * `tenant.actor` is that tenant's. Says its memory, in MiB, every 100 ms.
 */
import process from 'node:process';
import { createGateway } from '../../gateway/gateway.ts';
import {
  composeFixture,
  fixtureEndpoints,
  fixtureState,
} from '../../gateway/fixtures/subgraphs.ts';
import { fixedSupergraph } from '../../gateway/supergraph/source.ts';
import { createLog } from '../../subgraphs/shared/log.ts';

const gateway = await createGateway({
  config: { production: true, apollo: { key: undefined, graphRef: undefined } },
  log: createLog({ level: 'silent' }),
  supergraph: fixedSupergraph(composeFixture()),
  endpoints: fixtureEndpoints(fixtureState()),
  verifyToken: (token) => {
    const [tenant = '', id = ''] = token.split('.');
    const expiresAt = new Date(Date.now() + 3_600_000);
    return Promise.resolve({ tenant, actor: { type: 'user', id }, scopes: [], expiresAt });
  },
  identityKeys: undefined,
  host: '127.0.0.1',
  port: 0,
  auth: true,
});
process.stdout.write(`ready ${gateway.url}\n`);
setInterval(() => {
  process.stdout.write(`memory ${Math.round(process.memoryUsage().rss / 1_048_576)}\n`);
}, 100).unref();
