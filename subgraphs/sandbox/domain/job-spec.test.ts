import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobSpecDraft } from './job-spec.ts';
import { decideSpec, specLimits } from './job-spec.ts';
import { jobTemplates } from './job-template.ts';
import { decideRetry } from './retry.ts';

const plain: JobSpecDraft = { template: 'shell', source: 'echo hi' };

/** The fields that are wrong with a spec. */
function wrong(change: object): string[] {
  const decision = decideSpec({ ...plain, ...change });
  return decision.kind === 'rejected' ? decision.problems.map(({ field }) => field) : [];
}

describe('a spec', () => {
  it('gets its defaults', () => {
    expect(decideSpec(plain)).toEqual({
      kind: 'accepted',
      spec: {
        ...{ name: null, labels: [], template: 'shell', source: 'echo hi', args: [], env: [] },
        ...{ timeoutSeconds: 60, cpuMillicores: 500, memoryMib: 256 },
      },
    });
  });

  it.each<[string, object, string]>([
    ['an unknown template', { template: 'cobol' }, 'spec.template'],
    ['no source', { source: '' }, 'spec.source'],
    ['too much source', { source: 'x'.repeat(specLimits.sourceBytesMax + 1) }, 'spec.source'],
    ['a NUL', { source: 'a\u0000b' }, 'spec.source'],
    ['half a character', { args: ['\ud800'] }, 'spec.args[0]'],
    ['too many arguments', { args: Array(65).fill('x') }, 'spec.args'],
    ['an odd name in env', { env: [{ name: '1x', value: '' }] }, 'spec.env[0].name'],
    ['a name of ours in env', { env: [{ name: 'FORGE_X', value: '' }] }, 'spec.env[0].name'],
    [
      'a name twice',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
      'spec.env[1].name',
    ],
    ['a label of ours', { labels: [{ name: 'forge.dev/x', value: '' }] }, 'spec.labels[0].name'],
    ['no time', { timeoutSeconds: 0 }, 'spec.timeoutSeconds'],
    ['half a second', { timeoutSeconds: 1.5 }, 'spec.timeoutSeconds'],
    ['too much time', { timeoutSeconds: 3_601 }, 'spec.timeoutSeconds'],
    ['too much memory', { resources: { memoryMib: 4_097 } }, 'spec.resources.memoryMib'],
    [
      'too little for Node.js',
      { template: 'node', resources: { memoryMib: 32 } },
      'spec.resources.memoryMib',
    ],
    ['no processor', { resources: { cpuMillicores: 0 } }, 'spec.resources.cpuMillicores'],
    ['an empty name', { name: '' }, 'spec.name'],
    [
      'too much env',
      {
        env: Array.from({ length: 64 }, (_one, n) => ({
          name: `A${String(n)}`,
          value: 'x'.repeat(8_000),
        })),
      },
      'spec.env',
    ],
  ])('with %s is told where', (_what, change, field) => {
    expect(wrong(change)).toEqual([field]);
  });

  it('is told everything at once', () => {
    const change = { template: 'x', source: '', timeoutSeconds: 0, args: ['\u0000'] };
    expect(wrong(change)).toHaveLength(4);
  });

  it('that is accepted is within every limit', () => {
    const draft = fc.record({
      template: fc.constantFrom(...jobTemplates.map(({ id }) => id), 'perl'),
      source: fc.string(),
      args: fc.option(fc.array(fc.string(), { maxLength: 70 })),
      timeoutSeconds: fc.option(fc.integer({ min: -5, max: 4_000 })),
      resources: fc.option(
        fc.record({
          cpuMillicores: fc.option(fc.integer({ min: 0, max: 5_000 })),
          memoryMib: fc.option(fc.integer({ min: 0, max: 5_000 })),
        }),
      ),
    });
    fc.assert(
      fc.property(draft, (given) => {
        const decision = decideSpec(given);
        if (decision.kind === 'rejected') return;
        const { timeoutSeconds, cpuMillicores, memoryMib, args } = decision.spec;
        expect(timeoutSeconds).toBeGreaterThanOrEqual(1);
        expect(timeoutSeconds).toBeLessThanOrEqual(3_600);
        expect(cpuMillicores).toBeLessThanOrEqual(4_000);
        expect(memoryMib).toBeGreaterThanOrEqual(32);
        expect(args.length).toBeLessThanOrEqual(64);
      }),
    );
  });
});

describe('a retry', () => {
  it('is for jobs that ended without success', () => {
    expect(decideRetry('FAILED')).toEqual({ kind: 'accepted' });
    expect(decideRetry('TIMED_OUT')).toEqual({ kind: 'accepted' });
    expect(decideRetry('CANCELLED')).toEqual({ kind: 'accepted' });
    expect(decideRetry('SUCCEEDED')).toMatchObject({ kind: 'rejected' });
    expect(decideRetry('RUNNING')).toMatchObject({ kind: 'rejected' });
  });
});
