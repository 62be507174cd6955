import { describe, expect, it } from '@jest/globals';
import { enforced } from './enforced.ts';
import { full, plain, userns } from './fixtures/samples.ts';

const best = {
  network: 'blocked',
  admission: 'installed',
  podPidsLimit: 256,
  dedicated: true,
} as const;

describe('what holds for an attempt', () => {
  it('is everything, on a cluster where everything was seen', () => {
    const { enforced: held, weaker } = enforced(plain, best);
    expect(weaker).toEqual([]);
    expect(held).toContain('Programs talk to gVisor (RuntimeClass gvisor), not to the kernel.');
    expect(held).toContain('Nothing gets in or out: a probe was blocked.');
    expect(held).toContain('At most 256 processes in a pod (podPidsLimit of the nodes).');
  });

  it('claims nothing that nobody has looked at', () => {
    const { enforced: held, weaker } = enforced(plain, {});
    expect(weaker.map((sentence) => sentence.split(' ').slice(0, 3).join(' '))).toEqual([
      'NetworkPolicy lets nothing',
      'The number of',
      'The admission policies',
      'The cluster is',
    ]);
    expect(held.join(' ')).not.toMatch(/probe|podPidsLimit|whoever asks/);
  });

  it('says that a network which enforces nothing lets programs out', () => {
    const { weaker } = enforced(plain, { ...best, network: 'open' });
    expect(weaker).toEqual([expect.stringMatching(/does not enforce NetworkPolicy/)]);
  });

  it('says that a network which holds pods late lets them out until then', () => {
    const { weaker } = enforced(plain, { ...best, networkDelayMs: 750 });
    expect(weaker).toEqual([expect.stringMatching(/750 ms after its start/)]);
  });

  it('says that user namespaces alone leave one kernel for everybody', () => {
    const { enforced: held, weaker } = enforced(userns, best);
    expect(weaker).toEqual([
      expect.stringMatching(/share the kernel/),
      expect.stringMatching(/AppArmor is not asked for/),
    ]);
    expect(held).toContain('Users inside are nobody on the node (user namespaces).');
  });

  it('names the places that stay open', () => {
    expect(enforced(full, best).enforced).toContain(
      'Nothing gets in or out, but to the artifact gate and the egress proxy, if granted: a probe was blocked.',
    );
  });

  it('knows the difference between a limit from inside and none', () => {
    const facts = { ...best, podPidsLimit: undefined };
    expect(enforced(full, facts).weaker).toEqual([
      expect.stringMatching(/from inside the pod alone/),
    ]);
    expect(enforced(plain, facts).weaker).toEqual([
      expect.stringMatching(/not known to be limited/),
    ]);
  });

  it('names the virtual machine of the tier that has one', () => {
    const settings = {
      ...plain,
      isolation: { ...plain.isolation, tier: 'KATA' as const, runtimeClass: 'kata' },
    };
    expect(enforced(settings, best).enforced).toContain(
      'Each program has a virtual machine of its own (RuntimeClass kata).',
    );
  });
});
