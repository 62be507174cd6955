import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { WebSocket } from 'ws';
import { createClient } from 'graphql-ws';
import { pino } from 'pino';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { gatewaySettings } from '../gateway-settings.ts';
import { post } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import type { SubgraphRules } from './rules.ts';

const rules: SubgraphRules = {
  all: { forward: ['accept-language'], set: { 'x-from': 'forge' } },
  subgraphs: { costs: { forward: ['x-price-list'], set: { 'x-from': 'costs' }, timeoutMs: 100 } },
};

describe.each(['in-process', 'http'] as const)('the rules for %s subgraphs', (mode) => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture(mode, { subgraphRules: rules });
  });
  afterAll(() => fixture.stop());
  const headersAt = (name: string) =>
    fixture.state.requests.findLast(({ subgraph }) => subgraph === name)?.headers;

  const query = '{ job(id: "ab") { id cost } }';
  const sent = {
    'accept-language': 'de',
    'x-price-list': 'wholesale',
    'x-other': 'no',
    'x-from': 'client',
  };

  it('say which headers of a request they get, and which beside them', async () => {
    const { statusCode, body } = await request(fixture.url, {
      method: 'POST',
      headers: { authorization: 'Bearer alice', 'content-type': 'application/json', ...sent },
      body: JSON.stringify({ query }),
    });
    await body.dump();
    expect(statusCode).toBe(200);
    expect(headersAt('jobs')).toMatchObject({ 'accept-language': 'de', 'x-from': 'forge' });
    expect(headersAt('jobs')).not.toHaveProperty('x-price-list');
    expect(headersAt('costs')).toMatchObject({ 'x-price-list': 'wholesale', 'x-from': 'costs' });
    expect(headersAt('costs')?.['accept-language']).not.toBe('de');
    expect(headersAt('costs')).not.toHaveProperty('x-other');
  });

  it('hold for what comes over a WebSocket, with the headers of its upgrade', async () => {
    class Upgrading extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { headers: sent });
      }
    }
    const client = createClient({
      url: fixture.wsUrl,
      webSocketImpl: Upgrading,
      connectionParams: { authorization: 'Bearer alice' },
    });
    await client.iterate({ query }).next();
    await client.dispose();
    expect(headersAt('costs')).toMatchObject({ 'x-price-list': 'wholesale' });
  });

  it('give a subgraph less time than the operation has', async () => {
    fixture.state.slow.set('costs', 400);
    const { body } = await post(fixture, { query });
    fixture.state.slow.clear();
    expect(body).toMatchObject({
      data: { job: { id: 'ab', cost: null } },
      errors: [{ path: ['job', 'cost'], extensions: { code: 'DEADLINE_EXCEEDED' } }],
    });
  });
});

describe('the file with the rules', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forge-rules-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const settings = async (text: string) => {
    const path = join(folder, 'rules.json');
    await writeFile(path, text);
    return gatewaySettings(loadConfig({ FORGE_SUBGRAPH_RULES: path }), pino({ level: 'silent' }));
  };

  it('is read, its headers in lower case', async () => {
    const file = { all: { forward: ['Accept-Language'] }, subgraphs: { a: { timeoutMs: 5 } } };
    expect(await settings(JSON.stringify(file))).toMatchObject({
      subgraphRules: { all: { forward: ['accept-language'] }, subgraphs: { a: { timeoutMs: 5 } } },
    });
  });

  it.each([
    ['{', 'JSON'],
    ['{"all":{"forward":["X-Forge-Identity"]}}', 'all.forward.0 is a header that only the gateway'],
    ['{"all":{"set":{"host":"a"}}}', 'host'],
    ['{"all":{"set":{"x-a":"a\\r\\nb: c"}}}', 'all.set.x-a must be one line'],
    ['{"all":{"timeoutMs":0}}', 'all.timeoutMs'],
    ['{"every":{}}', 'every'],
  ])('is refused for %s', async (text, problem) => {
    await expect(settings(text)).rejects.toThrow(problem);
  });
});
