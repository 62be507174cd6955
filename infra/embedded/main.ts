import process from 'node:process';
import { ConfigError, loadConfig } from '../../subgraphs/shared/config.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { startForge } from './forge.ts';
import type { Forge } from './forge.ts';

/**
 * `npm start`: the whole product in this process, over a Postgres of its own.
 *
 * SIGTERM or SIGINT drains and ends with 0; a second one, or a drain that takes
 * too long, ends at once. Whatever it was doing goes on at the next start.
 */
const drainDeadlineMs = 20_000;

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog(config.log);
  const forge = await startForge(config, log, (reason) => {
    log.fatal({ reason }, 'the product cannot go on');
    process.exit(1);
  });
  greet(forge);
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error('the drain took too long');
      process.exit(1);
    }, drainDeadlineMs).unref();
    void forge.stop(drainDeadlineMs - 5_000).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function greet({ url, notes }: Forge): void {
  process.stdout.write(`forge ready ${url}\n`);
  process.stdout.write(`explorer    ${new URL('/', url).href}\n`);
  process.stdout.write('token       npm run -s token -- --tenant acme\n');
  for (const note of notes) process.stdout.write(`note        ${note}\n`);
}

try {
  await main();
} catch (cause) {
  const told = cause instanceof ConfigError;
  const text = cause instanceof Error ? (told ? cause.message : cause.stack) : String(cause);
  process.stderr.write(`${text ?? 'failed'}\n`);
  process.exit(told ? 78 : 1);
}
