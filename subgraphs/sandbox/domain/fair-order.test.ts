import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TenantInLine } from './fair-order.ts';
import { decideTurn } from './fair-order.ts';
import type { Load, Room } from './quota.ts';
import { decideQueue, defaultQuota, fits, fitsQuota, noLoad } from './quota.ts';

const small: Room = { cpuMillicores: 500, memoryMib: 256 };
const roomy: Load = { jobs: 100, cpuMillicores: 100_000, memoryMib: 100_000 };

function inLine(tenant: string, change: Partial<TenantInLine> = {}): TenantInLine {
  const next = { ...small, waitsSince: new Date(0) };
  return { tenant, next, load: noLoad, quota: defaultQuota, ...change };
}

function running(jobs: number): Load {
  return { jobs, cpuMillicores: jobs * small.cpuMillicores, memoryMib: jobs * small.memoryMib };
}

describe('whose turn it is', () => {
  it('is nobody’s when nobody waits', () => {
    expect(decideTurn([], noLoad, roomy)).toEqual({ kind: 'none' });
  });

  it('is the one’s who runs least for its weight', () => {
    const busy = inLine('a', { load: running(2) });
    const heavy = inLine('b', { load: running(3), quota: { ...defaultQuota, weight: 2 } });
    expect(decideTurn([busy, heavy], running(5), roomy)).toEqual({ kind: 'admit', tenant: 'b' });
  });

  it('is the one’s who waits longest, between equals', () => {
    const late = inLine('a', { next: { ...small, waitsSince: new Date(9) } });
    const early = inLine('b', { next: { ...small, waitsSince: new Date(5) } });
    expect(decideTurn([late, early], noLoad, roomy)).toEqual({ kind: 'admit', tenant: 'b' });
  });

  it('passes over a tenant whose quota is in use', () => {
    const full = inLine('a', { load: running(1), quota: { ...defaultQuota, concurrentMax: 1 } });
    expect(decideTurn([full], running(1), roomy)).toEqual({ kind: 'none' });
    const other = inLine('b', { load: running(5) });
    expect(decideTurn([full, other], running(6), roomy)).toMatchObject({ tenant: 'b' });
  });

  it('stays with a large job until there is room, so that small ones do not starve it', () => {
    const large = inLine('a', {
      next: { ...small, cpuMillicores: 4_000, waitsSince: new Date(0) },
    });
    const other = inLine('b', { load: running(1) });
    const capacity = { ...roomy, cpuMillicores: 4_000 };
    expect(decideTurn([large, other], running(1), capacity)).toEqual({ kind: 'full' });
    expect(decideTurn([large], noLoad, capacity)).toMatchObject({ kind: 'admit' });
  });

  it('lets a job that is larger than everything run alone', () => {
    expect(
      fits(noLoad, { cpuMillicores: 9, memoryMib: 9 }, { jobs: 1, cpuMillicores: 1, memoryMib: 1 }),
    ).toBe(true);
  });

  it('starves nobody: with n tenants of one weight, each gets every n-th turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }), (n, slots) => {
        const turns = simulate(n, { ...roomy, jobs: slots }, 60);
        for (let start = 0; start + 2 * n <= turns.length; start += 1) {
          const window = new Set(turns.slice(start, start + 2 * n));
          expect(window.size).toBe(n);
        }
      }),
    );
  });

  it('lets one who comes late in within one turn, however many wait before', () => {
    const flood = inLine('a', { load: running(4), next: { ...small, waitsSince: new Date(0) } });
    const late = inLine('b', { next: { ...small, waitsSince: new Date(1_000_000) } });
    expect(decideTurn([flood, late], running(4), roomy)).toEqual({ kind: 'admit', tenant: 'b' });
  });
});

/** Tenants with endless jobs of one size, of which the oldest ends when all slots are in use. */
function simulate(tenants: number, capacity: Load, turnsWanted: number): string[] {
  const names = Array.from({ length: tenants }, (_one, index) => `t${String(index)}`);
  const active: string[] = [];
  const turns: string[] = [];
  const waitsSince = new Map(names.map((name, index) => [name, index]));
  for (let now = tenants; turns.length < turnsWanted; now += 1) {
    const line = names.map((tenant) =>
      inLine(tenant, {
        load: running(active.filter((one) => one === tenant).length),
        next: { ...small, waitsSince: new Date(waitsSince.get(tenant) ?? 0) },
      }),
    );
    const decision = decideTurn(line, running(active.length), capacity);
    if (decision.kind === 'admit') {
      turns.push(decision.tenant);
      active.push(decision.tenant);
      waitsSince.set(decision.tenant, now);
    } else {
      active.shift();
    }
  }
  return turns;
}

describe('quotas', () => {
  it('are never exceeded by what fits', () => {
    const load = fc.record({
      jobs: fc.nat(20),
      cpuMillicores: fc.nat(20_000),
      memoryMib: fc.nat(20_000),
    });
    fc.assert(
      fc.property(load, (now) => {
        if (!fitsQuota(defaultQuota, now, small)) return;
        expect(now.jobs + 1).toBeLessThanOrEqual(defaultQuota.concurrentMax);
        expect(now.cpuMillicores + small.cpuMillicores).toBeLessThanOrEqual(16_000);
        expect(now.memoryMib + small.memoryMib).toBeLessThanOrEqual(16_384);
      }),
    );
  });

  it('refuse a job when enough wait, and one that could never run', () => {
    const quota = { ...defaultQuota, queuedMax: 2, memoryMibMax: 128 };
    expect(decideQueue(defaultQuota, 0, small)).toEqual({ kind: 'accepted' });
    expect(decideQueue({ ...quota, memoryMibMax: 256 }, 2, small)).toMatchObject({
      kind: 'rejected',
    });
    expect(decideQueue(quota, 0, small)).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('128 memoryMib'),
    });
  });
});
