import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../subgraphs/shared/config.ts';
import { as, callerVerifier } from './fixtures/callers.ts';
import { post, within } from './fixtures/clients.ts';
import { startFixture } from './fixtures/gateway.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { defaultLimits } from './limits/limits.ts';

const log = pino({ level: 'silent' });
const identity = {
  ...{ tenant: 'acme', actor: { type: 'user' as const, id: 'a' } },
  ...{ scopes: ['role:viewer', 'other'], expiresAt: new Date() },
};

describe('what the configuration sets of a gateway', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forge-settings-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const settings = (env: Record<string, string>) => gatewaySettings(loadConfig(env), log);

  it('keeps nothing, shares nothing and refuses nothing by itself', async () => {
    expect(await settings({})).toMatchObject({
      persisted: { mode: 'off', manifest: undefined },
      caching: { responseBytesMax: 0, sharesInFlight: false },
      hardening: { overrideLabels: [] },
      ...{ warmUpMs: 10_000, tellCost: false },
    });
  });

  it('is read from the environment', async () => {
    const set = await settings({
      ...{ FORGE_RESPONSE_CACHE_MIB: '64', FORGE_SHARE_IN_FLIGHT: 'on', FORGE_TELL_COST: 'on' },
      ...{ FORGE_OVERRIDE_LABELS: 'new-prices, team', FORGE_WARM_UP_SECONDS: '3' },
    });
    expect(set).toMatchObject({
      caching: { responseBytesMax: 67_108_864, sharesInFlight: true },
      hardening: { overrideLabels: ['new-prices', 'team'] },
      ...{ warmUpMs: 3_000, tellCost: true },
    });
  });

  it('has roles count for the scopes that they grant, besides those of the token', async () => {
    const { hardening } = await settings({});
    const scopes = [...(hardening?.authority?.scopesOf?.(identity) ?? [])];
    expect(scopes).toEqual(expect.arrayContaining(['role:viewer', 'other', 'billing:read']));
    expect(scopes).not.toContain('sandbox:write');
  });

  it('takes limits from a file, for all tenants and for some', async () => {
    const path = await file(
      'limits.json',
      '{"streams":{"subscriptionsMax":9},"tenant":{"costMax":7},"tenants":{"acme":{"concurrentMax":2}}}',
    );
    const { limits } = await settings({ FORGE_GATEWAY_LIMITS: path });
    expect(limits).toEqual({
      subscriptionsMax: 9,
      tenant: { ...defaultLimits.tenant, costMax: 7 },
      tenants: { acme: { concurrentMax: 2 } },
    });
  });

  it('says all that is wrong with such a file at once', async () => {
    const text = '{"tenant":{"costMax":0,"costs":1},"tenants":{"acme":{"queuedMax":1.5}}}';
    const path = await file('wrong.json', text);
    const reading = settings({ FORGE_GATEWAY_LIMITS: path });
    await expect(reading).rejects.toThrow('tenant.costMax must be more than 0');
    await expect(reading).rejects.toThrow('costs');
    await expect(reading).rejects.toThrow('tenants.acme.queuedMax must be a whole number');
  });

  it('has a mode without a list refused', () => {
    expect(() => loadConfig({ FORGE_PERSISTED_OPERATIONS_MODE: 'safelist' })).toThrow(
      'FORGE_PERSISTED_OPERATIONS_MODE=safelist needs FORGE_PERSISTED_OPERATIONS.',
    );
  });

  it('follows the file with the list of operations', async () => {
    const manifest = (body: string) =>
      JSON.stringify({
        ...{ format: 'apollo-persisted-query-manifest', version: 1 },
        operations: [{ id: 'one', name: 'One', type: 'query', body }],
      });
    const path = await file('manifest.json', manifest('{ job(id: "a") { id } }'));
    const set = await settings({
      ...{ FORGE_PERSISTED_OPERATIONS: path, FORGE_PERSISTED_OPERATIONS_MODE: 'ids-only' },
    });
    const fixture = await startFixture('in-process', { ...set, verifyToken: callerVerifier });
    const ask = async () => (await post(fixture, { documentId: 'one' }, as('acme'))).body.data;
    expect(await ask()).toEqual({ job: { id: 'a' } });
    await writeFile(path, manifest('{ job(id: "bb") { id } }'));
    const isTaken = () => fixture.logged.some((line) => line.includes('new list of operations'));
    expect(await within(5_000, isTaken)).toBe(true);
    expect(await ask()).toEqual({ job: { id: 'bb' } });
    await fixture.stop();
  });

  it('stops the start when there is no such list', async () => {
    const set = await settings({ FORGE_PERSISTED_OPERATIONS: join(folder, 'none.json') });
    await expect(startFixture('in-process', set)).rejects.toThrow(/list of operations.*ENOENT/s);
  });
});
