import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { catalogue, standardCatalogue } from './catalogue.ts';
import { decideReport, reportStates } from './check-report.ts';
import { decideAfterJob, isJobOver } from './job-end.ts';
import type { Playbook } from './playbook.ts';
import { playbookId, playbookProblems } from './playbook.ts';
import { runCheckV1 } from './run-check.ts';
import { findVertical, verticals } from './vertical.ts';

describe('the verticals', () => {
  it('are six, each with roles that are employed nowhere else', () => {
    expect(verticals.map(({ id }) => id)).toEqual([
      'cx',
      'revops',
      'finance',
      'legal',
      'it-ops',
      'software-engineering',
    ]);
    const roles = verticals.flatMap((vertical) => vertical.roles.map(({ id }) => id));
    expect(new Set(roles).size).toBe(roles.length);
    expect(verticals.every((vertical) => vertical.roles.length > 0)).toBe(true);
  });

  it('employ a known role for every playbook', () => {
    for (const playbook of standardCatalogue.newest) {
      const roles = findVertical(playbook.verticalId)?.roles.map(({ id }) => id);
      expect(roles).toContain(playbook.employee);
    }
  });
});

describe('the catalogue', () => {
  it('never changes a published version: a change is a new version', () => {
    const checksum = createHash('sha256').update(JSON.stringify(runCheckV1)).digest('hex');
    expect({ [playbookId(runCheckV1)]: checksum }).toMatchInlineSnapshot(`
     {
       "software-engineering.run-check@1": "31e6cf9e427c89d2b210e8db6a38213fe218737154f359627a5c13aaa1a24665",
     }
    `);
  });

  it('finds a version by its id and the newest by its key', () => {
    const second = { ...runCheckV1, version: 2 };
    const both = catalogue([second, runCheckV1]);
    expect(both.find('software-engineering.run-check@1')).toBe(runCheckV1);
    expect(both.find('software-engineering.run-check')).toBe(second);
    expect(both.find('software-engineering.run-check@3')).toBeUndefined();
    expect(both.newest).toEqual([second]);
  });

  it('refuses two playbooks of one version, and an unsound one', () => {
    expect(() => catalogue([runCheckV1, runCheckV1])).toThrow('twice');
    expect(() => catalogue([{ ...runCheckV1, steps: [] }])).toThrow('no step');
  });
});

describe('playbookProblems', () => {
  const [submit, wait, draft, approve, publish] = runCheckV1.steps;
  const withSteps = (steps: readonly (Playbook['steps'][number] | undefined)[]) =>
    playbookProblems({ ...runCheckV1, steps: steps.flatMap((step) => step ?? []) });

  it('finds nothing wrong with the product’s playbooks', () => {
    for (const playbook of standardCatalogue.newest) expect(playbookProblems(playbook)).toEqual([]);
  });

  it('wants an approval before a step that can do harm', () => {
    expect(withSteps([submit, wait, draft, publish])).toEqual([
      'step publish-report: the risk needs an approval before it',
    ]);
  });

  it('wants a wait to come after the job it waits for', () => {
    expect(withSteps([wait, submit])).toEqual([
      'step await-check: no earlier step submits the job it waits for',
    ]);
  });

  it('wants names to be unique and limits to be positive', () => {
    expect(withSteps([submit, submit])).toEqual(['step submit-check: the name is taken']);
    const unlimited = { attemptsMax: 0, deadlineSeconds: -1, waitSecondsMax: 0.5 };
    const steps = [submit, wait, approve].map((step) => step && { ...step, ...unlimited });
    expect(withSteps(steps)).toHaveLength(3);
    expect(withSteps([submit && { ...submit, name: 'Submit' }])).toHaveLength(1);
    expect(playbookProblems({ ...runCheckV1, key: 'x', version: 0 })).toHaveLength(3);
  });
});

describe('decideAfterJob', () => {
  it('goes on after success only, and says how the job ended otherwise', () => {
    expect(decideAfterJob('job_1', { state: 'SUCCEEDED', reasonCode: null, exitCode: 0 })).toEqual({
      kind: 'go-on',
    });
    expect(
      decideAfterJob('job_1', { state: 'FAILED', reasonCode: 'EXIT_CODE', exitCode: 3 }),
    ).toEqual({
      kind: 'stop',
      reason: { code: 'JOB_FAILED', message: 'Job job_1 ended FAILED (EXIT_CODE, exit code 3).' },
    });
    expect(
      decideAfterJob('job_1', { state: 'CANCELLED', reasonCode: null, exitCode: null }),
    ).toMatchObject({ reason: { message: 'Job job_1 ended CANCELLED.' } });
    expect(['RUNNING', 'QUEUED', 'CANCELLING'].some(isJobOver)).toBe(false);
    expect(['SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT'].every(isJobOver)).toBe(true);
  });
});

describe('decideReport', () => {
  it('never brings a withdrawn report back', () => {
    for (const wish of ['publish', 'withdraw'] as const) {
      expect(decideReport('WITHDRAWN', wish)).toBeUndefined();
    }
    expect(reportStates.map((state) => decideReport(state, 'withdraw'))).toEqual([
      'WITHDRAWN',
      'WITHDRAWN',
      undefined,
    ]);
    expect(decideReport('DRAFT', 'publish')).toBe('PUBLISHED');
    expect(decideReport('PUBLISHED', 'publish')).toBeUndefined();
  });
});
