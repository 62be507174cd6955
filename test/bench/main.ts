import process from 'node:process';
import { ledger } from './billing/ledger.ts';
import { metering } from './billing/metering.ts';
import { fanout } from './fanout/fanout.ts';
import type { Finding } from './finding.ts';
import { holds } from './finding.ts';
import { gateway } from './gateway/compare.ts';
import { jobs } from './jobs.ts';
import { start } from './start.ts';

/**
 * Runs one benchmark: `npm run bench -- jobs`. It prints JSON lines, and ends
 * with 1 when a ratio measured within the run is under its floor. What follows
 * the name goes to the benchmark.
 */
const benchmarks: Readonly<
  Record<string, (args: readonly string[]) => Promise<readonly Finding[]>>
> = {
  fanout,
  gateway,
  jobs,
  ledger,
  metering,
  start,
};

export type { Finding };

const [name = '', ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (!benchmark) {
  process.stderr.write(`Say which: ${Object.keys(benchmarks).join(', ')}.\n`);
  process.exit(64);
}
const findings = await benchmark(args);
let short = false;
for (const finding of findings) {
  const ok = holds(finding);
  short ||= !ok;
  process.stdout.write(`${JSON.stringify({ bench: name, ...finding, ok })}\n`);
}
process.exit(short ? 1 : 0);
