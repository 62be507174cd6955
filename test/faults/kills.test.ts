import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { build } from '../../infra/build/build.mjs';
import { processesWith } from './crew.ts';
import { jobsToKill } from './kinds.ts';
import { clients, Lane } from './lane.ts';
import type { Story } from './lane.ts';
import { problemsOf } from './tables.ts';

/**
 * Kills workers, the gateway and everything, again and again, while jobs of all
 * kinds are under way and are followed, and asks the tables at the end whether
 * anything was lost or happened twice.
 *
 * Workers kill themselves, each at a point of a job's way at which no other has
 * died (see `kill-points.ts`); the gateway and the whole are killed at any
 * moment. Lanes only save time: each is a product of its own.
 */
const killsMin = 200;
const laneCount = 3;
const allInMs = 900_000;

let folder: string;
let stories: readonly Story[];
const lanes: Lane[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-kills-'));
  await build();
  const late = AbortSignal.timeout(allInMs);
  const jobs = jobsToKill();
  const began = Date.now();
  for (let n = 0; n < laneCount; n += 1) lanes.push(new Lane(join(folder, String(n)), late));
  await Promise.all(lanes.map((lane) => lane.open()));
  stories = await Promise.all(
    lanes.map((lane, n) => lane.live(jobs.filter((_job, index) => index % laneCount === n))),
  );
  tell(Date.now() - began);
}, allInMs + 60_000);

afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()));
  await rm(folder, { recursive: true, force: true });
}, 60_000);

describe('whatever is killed, at every step boundary and inside each step', () => {
  it('more than 200 processes are', () => {
    expect(killsOf(stories)).toBeGreaterThanOrEqual(killsMin);
    expect(unreached()).toEqual([]);
  });

  it('each job comes to its true end, its output and files are kept once, it is charged once and on record once', async () => {
    for (const { ask, jobs, artifactsRoot } of stories) {
      expect(await problemsOf(ask, jobs, artifactsRoot)).toEqual([]);
    }
  });

  it('a subscriber that resumes by its cursor has 0 lost and 0 doubled events', async () => {
    for (const { ask, followed } of stories) {
      const counts = await ask<{ id: string; n: number }>(
        'select substr(stream, 5) as id, count(*)::int as n from sandbox.event group by stream',
      );
      const all = new Map(counts.map(({ id, n }) => [id, n]));
      for (const { jobId, seqs, errors } of followed) {
        expect(seqs).toEqual(Array.from({ length: all.get(jobId) ?? 0 }, (_none, at) => at + 1));
        expect(errors).toEqual([]);
      }
    }
  });

  it('each protocol has been cut off and has resumed', () => {
    const followed = stories.flatMap((story) => story.followed);
    for (const client of clients) {
      const own = followed.filter((one) => one.client === client && one.resumedAt > 0);
      expect(own.length).toBeGreaterThan(0);
    }
  });

  it('nothing is left on the runner', async () => {
    for (const { runnerRoot } of stories) {
      expect(await readdir(join(runnerRoot, 'attempts'))).toEqual([]);
      expect(await processesWith(runnerRoot)).toEqual([]);
    }
  });

  it('no process ends but by a kill, or because it lost its lease', () => {
    const deaths = stories.flatMap((story) => story.deaths);
    expect(deaths.filter(({ how }) => how !== 'SIGKILL' && how !== leaseLost)).toEqual([]);
  });
});

const leaseLost = '3';

function killsOf(all: readonly Story[]): number {
  return all.reduce(
    (sum, story) => sum + story.pointKills.length + story.gatewayKills + story.everythingKills,
    0,
  );
}

/** Points at which nobody died, in no job of any kind. */
function unreached(): string[] {
  const planned = stories.flatMap(({ jobs }) => jobs.flatMap(({ points }) => points));
  const reached = new Set(
    stories.flatMap(({ pointKills }) => pointKills.map((kill) => kill.split('~')[1])),
  );
  return [...new Set(planned)].filter((point) => !reached.has(point));
}

function tell(ms: number): void {
  const sum = (count: (story: Story) => number): number =>
    stories.reduce((total, story) => total + count(story), 0);
  const jobs = stories.flatMap((story) => story.jobs);
  const done = new Set(stories.flatMap(({ pointKills }) => pointKills));
  const told = {
    seconds: Math.round(ms / 1_000),
    jobs: jobs.length,
    kills: {
      all: killsOf(stories),
      worker: done.size,
      gateway: sum((story) => story.gatewayKills),
      everything: sum((story) => story.everythingKills),
    },
    leasesLost: sum(({ deaths }) => deaths.filter(({ how }) => how === leaseLost).length),
    resumed: sum(({ followed }) => followed.reduce((n, one) => n + one.interruptions, 0)),
    // Of the first try; those that nobody reached at all fail the test.
    missed: jobs.flatMap(({ id, kind, points }) =>
      points.filter((point) => !done.has(`${id}~${point}`)).map((point) => `${kind}: ${point}`),
    ),
  };
  process.stderr.write(`${JSON.stringify(told)}\n`);
}
