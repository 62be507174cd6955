import process from 'node:process';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '../../subgraphs/shared/config.ts';
import { allScopes, developmentToken } from './issuer.ts';

/** Prints one development token: `npm run -s token -- --tenant acme`. */
async function main(): Promise<string> {
  const { values } = parseArgs({
    options: {
      tenant: { type: 'string' },
      subject: { type: 'string', default: 'developer' },
      scopes: { type: 'string', default: allScopes },
      ttl: { type: 'string', default: '3600' },
    },
  });
  const { tenant, subject, scopes, ttl } = values;
  if (tenant === undefined) throw new TypeError('Say for which tenant: --tenant acme');
  const ttlSeconds = Number(ttl);
  if (!Number.isInteger(ttlSeconds)) throw new TypeError('--ttl is a number of seconds.');
  return developmentToken(loadConfig(), { tenant, subject, scopes, ttlSeconds });
}

try {
  process.stdout.write(`${await main()}\n`);
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = cause instanceof ConfigError ? 78 : 64;
}
