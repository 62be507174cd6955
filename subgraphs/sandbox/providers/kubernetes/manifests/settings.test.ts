import { describe, expect, it } from '@jest/globals';
import { fullDraft, plain, plainDraft } from './fixtures/samples.ts';
import { sandboxClusterSettings } from './settings.ts';
import type { SandboxClusterSettingsDraft } from './settings.ts';

describe('settings', () => {
  it('isolate most where nothing is said', () => {
    expect(sandboxClusterSettings.parse({})).toMatchObject({
      templates: {},
      registries: [],
      isolation: { tier: 'GVISOR', runtimeClass: 'gvisor', appArmor: true },
      gate: null,
      collector: null,
      egressProxy: null,
      queueName: null,
    });
  });

  it('keep programs off nodes where anything else runs', () => {
    expect(plain.pool).toEqual({
      nodeSelector: { 'forge.dev/pool': 'sandbox' },
      tolerations: [{ key: 'forge.dev/pool', value: 'sandbox', effect: 'NoSchedule' }],
    });
  });

  const place = { port: 8_443, host: 'gate.internal' };
  const refused: readonly (readonly [string, SandboxClusterSettingsDraft])[] = [
    [
      'an image that can be another one tomorrow',
      {
        ...plainDraft,
        templates: { shell: { image: 'registry.example/forge/shell:1', interpreter: '/bin/sh' } },
      },
    ],
    ['an image of a registry that is not known', { ...plainDraft, registries: ['other.example'] }],
    [
      'a name that begins like a known registry',
      { ...plainDraft, registries: ['registry.example/for'] },
    ],
    ['a tier without its RuntimeClass', { isolation: { tier: 'KATA', runtimeClass: null } }],
    ['a gate without what uploads to it', { ...fullDraft, collector: null }],
    ['a name where programs have no DNS', { egressProxy: { ...place, address: 'proxy.internal' } }],
    [
      'the address at which a cloud tells credentials',
      { egressProxy: { ...place, address: '169.254.169.254' } },
    ],
    ['that address in its other family', { egressProxy: { ...place, address: 'fd00:ec2::254' } }],
    ['that address in disguise', { egressProxy: { ...place, address: '::ffff:169.254.169.254' } }],
    ['a version of Pod Security that changes by itself', { podSecurityVersion: 'latest' }],
    ['pods too small for what a spec may ask for', { podMax: { memoryMib: 4_000 } }],
    ['pods too small for their folders', { disk: { tmpMib: 8_000 } }],
    ['a setting that nobody knows', { queue: 'sandbox' } as SandboxClusterSettingsDraft],
    ['no limit', { tenantQuota: { jobs: 0 } }],
  ];

  it.each(refused)('refuse %s', (_what, draft) => {
    expect(sandboxClusterSettings.safeParse(draft).success).toBe(false);
  });

  it('take everything that can be said', () => {
    expect(sandboxClusterSettings.safeParse(fullDraft).success).toBe(true);
  });
});
