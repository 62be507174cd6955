import process from 'node:process';
import { gateway } from './gateway/compare.ts';
import { jobs } from './jobs.ts';
import { start } from './start.ts';

/**
 * Runs one benchmark: `npm run bench -- jobs`. It prints JSON lines, and ends
 * with 1 when a ratio measured within the run is under its floor.
 */
const benchmarks: Readonly<Record<string, () => Promise<readonly Finding[]>>> = {
  gateway,
  jobs,
  start,
};

/** One figure, and what it must not fall short of, if anything. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor?: number;
  readonly ceiling?: number;
}

const [name = ''] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (!benchmark) {
  process.stderr.write(`Say which: ${Object.keys(benchmarks).join(', ')}.\n`);
  process.exit(64);
}
const findings = await benchmark();
let short = false;
for (const finding of findings) {
  const { value, floor = -Infinity, ceiling = Infinity } = finding;
  const ok = value >= floor && value <= ceiling;
  short ||= !ok;
  process.stdout.write(`${JSON.stringify({ bench: name, ...finding, ok })}\n`);
}
process.exit(short ? 1 : 0);
