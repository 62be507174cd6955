import { mkdtemp, rm } from 'node:fs/promises';
import { arch, cpus, loadavg, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Finding } from '../finding.ts';
import { beside, contenderNames, startContender } from './contenders.ts';
import type { Contender, ContenderName, Place } from './contenders.ts';
import { figuresOf, findingsOf } from './figures.ts';
import { startGenerator } from './generator.ts';
import { optionsOf } from './options.ts';
import type { Options } from './options.ts';
import { started } from './processes.ts';
import { sectionOf, writeReport } from './report.ts';
import type { Report, ScenarioReport } from './report.ts';
import { runScenario } from './rounds.ts';
import type { Bench, Subgraphs } from './rounds.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

const sharing =
  'No gateway shares the work of identical requests in flight: Hive Gateway’s ' +
  '`deduplicateInflightRequests` and `inboundInflightRequestDeduplication` are off, the others ' +
  'have no such thing or have it off.';

/**
 * Compares what a request costs in this gateway and in others, in alternating
 * rounds over the same subgraphs, which answer from memory. Only the ratio of
 * CPU time says something on a shared machine.
 */
export async function gateway(args: readonly string[]): Promise<readonly Finding[]> {
  const options = optionsOf(args);
  const folder = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  const stops: (() => void)[] = [];
  try {
    const subgraphs = await started({ file: beside('subgraphs.ts'), args: [] });
    stops.push(() => subgraphs.child.kill());
    const generator = await startGenerator();
    stops.push(() => {
      generator.stop();
    });
    const place = { folder, subgraphsPort: Number(subgraphs.told) };
    const troubles: Record<string, string> = {};
    const trouble = (name: ContenderName, cause: unknown): void => {
      const { message = String(cause), cause: behind } = cause as Partial<Error>;
      troubles[name] = behind instanceof Error ? `${message}: ${behind.message}` : message;
      say(`${name} cannot be measured. ${troubles[name]}`);
    };
    const contenders = await startAll(options, place, trouble, stops);
    const control = controlOf(place.subgraphsPort);
    const bench = { contenders, generator, subgraphs: control, options, trouble };
    const report = await compared(bench, troubles);
    if (options.only.length === 0 && options.scenarios.length === 0) {
      for (const path of await writeReport(report)) say(`Written: ${path}`);
    }
    return report.scenarios.flatMap(({ findings }) => findings);
  } finally {
    for (const stop of stops) stop();
    await rm(folder, { recursive: true });
  }
}

/** Starts the gateways one after the other; one that cannot start is left out. */
async function startAll(
  { only }: Options,
  place: Place,
  trouble: (name: ContenderName, cause: unknown) => void,
  stops: (() => void)[],
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const name of contenderNames.filter((one) => takesPart(only, one))) {
    try {
      const contender = await startContender(name, place);
      stops.push(() => contender.child.kill());
      contenders.push(contender);
    } catch (cause) {
      trouble(name, cause);
    }
  }
  return contenders;
}

/** Ours always does: the others are compared with it. */
function takesPart(only: readonly string[], name: ContenderName): boolean {
  return only.length === 0 || name === 'ours' || only.includes(name);
}

async function compared(bench: Bench, troubles: Record<string, string>): Promise<Report> {
  const { options, contenders } = bench;
  const [cpu] = cpus();
  say(sharing);
  const chosen = scenarios.filter(
    ({ name }) => options.scenarios.length === 0 || options.scenarios.includes(name),
  );
  const reports: ScenarioReport[] = [];
  for (const { lanes, ...scenario } of chosen) {
    const part = lanes.filter(({ contender }) => takesPart(options.only, contender));
    const report = await scenarioReport(bench, { ...scenario, lanes: part });
    say(sectionOf(report));
    reports.push(report);
  }
  return {
    date: new Date().toISOString(),
    machine: {
      ...{ system: `${platform()} ${arch()}`, Node: process.version },
      ...{ cores: cpus().length, processor: cpu?.model ?? 'unknown' },
    },
    ...{ options, sharing, troubles, scenarios: reports },
    versions: Object.fromEntries(contenders.map(({ name, versions }) => [name, versions])),
  };
}

async function scenarioReport(bench: Bench, scenario: Scenario): Promise<ScenarioReport> {
  const [before = NaN] = loadavg();
  const lanes = figuresOf(await runScenario(bench, scenario));
  const [after = NaN] = loadavg();
  return {
    ...{ name: scenario.name, title: scenario.title, lanes },
    queryBytes: Buffer.byteLength(scenario.requests[0]?.query ?? ''),
    loadAverages: [before, after],
    findings: findingsOf(scenario, lanes),
  };
}

function controlOf(port: number): Subgraphs {
  const told = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}/${path}`)).text();
  return {
    requests: async () => Number(await told('requests')),
    say: async (text) => {
      await told(`text/${text}`);
    },
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n\n`);
}
