import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { destination } from 'pino';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createGateway } from '../../../gateway/gateway.ts';
import { defaultLimits } from '../../../gateway/limits/limits.ts';
import { fixedSupergraph } from '../../../gateway/supergraph/source.ts';
import { createTokenVerifier } from '../../../subgraphs/shared/auth.ts';
import { createLog } from '../../../subgraphs/shared/log.ts';
import { linesOfATurn } from '../../../subgraphs/shared/log-lines.ts';
import { startTracing } from '../../../subgraphs/shared/telemetry.ts';
import { guildSupergraph } from './guild.ts';

/** As production does: traces of one request in ten. */
const tracedRatio = 0.1;

/** Our gateway as in production: tokens checked, identities signed, limits, metrics and traces on. */
const [, , port = '', folder = ''] = process.argv;
const { publicKey, privateKey } = await generateKeyPair('ES256');
const file = join(folder, 'jwks.json');
const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256' };
writeFileSync(file, JSON.stringify({ keys: [jwk] }));
const token = await new SignJWT({ tenant: 'acme', scope: '' })
  .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
  .setIssuer('bench')
  .setAudience('forge')
  .setSubject('user')
  .setExpirationTime('1h')
  .sign(privateKey);
const rules = { issuer: 'bench', audience: 'forge', jwks: { file } };
const gateway = await createGateway({
  config: { production: true, apollo: { key: undefined, graphRef: undefined } },
  // Every operation has its line, as in production; this process's output is the bench's.
  log: createLog({ level: 'info' }, linesOfATurn(destination({ dest: '/dev/null', sync: true }))),
  supergraph: fixedSupergraph(guildSupergraph(Number(port))),
  endpoints: undefined,
  verifyToken: createTokenVerifier(rules, undefined),
  identityKeys: { identity: Buffer.alloc(32, 7) },
  host: '127.0.0.1',
  port: 0,
  auth: true,
  tracing: startTracing({ endpoint: `http://127.0.0.1:${port}`, ratio: tracedRatio }, 'forge'),
  // Everything is counted; one caller may just ask without end.
  limits: { tenant: { ...defaultLimits.tenant, requestsPerSecond: 1e6, requestsBurst: 1e6 } },
});
process.stdout.write(`ready ${gateway.url} ${token}\n`);
