import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { root } from '../../../infra/root.ts';
import { holds } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { LaneFigures } from './figures.ts';
import type { Options } from './options.ts';

/** A whole comparison, as it is kept. */
export interface Report {
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly options: Options;
  readonly sharing: string;
  readonly versions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Gateways that could not be measured, and why. */
  readonly troubles: Readonly<Record<string, string>>;
  readonly scenarios: readonly ScenarioReport[];
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly queryBytes: number;
  /** How busy the machine was before and after: what waited for a core in the last minute. */
  readonly loadAverages: readonly [number, number];
  readonly lanes: readonly LaneFigures[];
  readonly findings: readonly Finding[];
}

/** Keeps a comparison under its day, for machines and for people. Gives the paths. */
export async function writeReport(report: Report): Promise<readonly string[]> {
  const folder = join(root, 'test/bench/results');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `gateway-${report.date.slice(0, 10)}`);
  const json = await format(JSON.stringify(report, rounded), { parser: 'json', printWidth: 100 });
  await writeFile(`${path}.json`, json);
  await writeFile(`${path}.md`, markdownOf(report));
  return [`${path}.json`, `${path}.md`];
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

function markdownOf(report: Report): string {
  const { date, machine, options, versions, troubles, scenarios } = report;
  const list = (of: Readonly<Record<string, string | number>>) =>
    Object.entries(of).map(([name, value]) => `${name} ${value}`);
  return [
    `# Gateways compared, ${date}`,
    `Machine: ${list(machine).join(', ')}. ${options.rounds} alternating rounds of ` +
      `${options.seconds} s for each gateway, ${options.connections} connections.`,
    report.sharing,
    Object.entries(versions)
      .map(([name, of]) => `- ${name}: ${list(of).join(', ')}`)
      .join('\n'),
    ...Object.entries(troubles).map(([name, why]) => `**${name} was not measured:** ${why}`),
    ...scenarios.map(sectionOf),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

/** The table of one scenario, and what had to hold. */
export function sectionOf({
  title,
  queryBytes,
  loadAverages,
  lanes,
  findings,
}: ScenarioReport): string {
  const [before, after] = loadAverages;
  return [
    `## ${title}`,
    `The query has ${queryBytes} bytes. Load average ${before.toFixed(1)} before, ${after.toFixed(1)} after.`,
    [headings, headings.map(() => '---'), ...lanes.map(cellsOf)]
      .map((cells) => `| ${cells.join(' | ')} |`)
      .join('\n'),
    findings.filter(isBound).map(lineOf).join('\n'),
  ].join('\n\n');
}

const headings = [
  'gateway',
  'CPU ms/request (min–max)',
  'CPU, times ours',
  'requests/s',
  'p50 / p99 ms',
  'peak MB',
  'subgraph requests',
  'answer bytes',
];

function cellsOf(one: LaneFigures): readonly string[] {
  const range = `${one.cpuMsMin.toFixed(2)}–${one.cpuMsMax.toFixed(2)}`;
  return [
    one.title,
    `${one.cpuMs.toFixed(2)} (${range})`,
    `**${one.ratio.toFixed(2)}** (${one.ratios.map((ratio) => ratio.toFixed(1)).join(', ')})`,
    one.requestsPerSecond.toFixed(0),
    `${one.p50Ms.toFixed(1)} / ${one.p99Ms.toFixed(1)}`,
    String(one.peakMb),
    one.subgraphRequests.toFixed(1),
    String(one.answerBytes),
  ];
}

function isBound({ floor, ceiling }: Finding): boolean {
  return floor !== undefined || ceiling !== undefined;
}

function lineOf(finding: Finding): string {
  const { name, value, unit, floor, ceiling } = finding;
  const bound = floor === undefined ? `at most ${String(ceiling)}` : `at least ${floor}`;
  const verdict = holds(finding) ? 'met' : 'not met';
  const told = Number.isNaN(value) ? 'not measured' : Number(value.toFixed(2));
  return `- ${verdict}: ${name}: ${told} ${unit}, ${bound}`;
}
