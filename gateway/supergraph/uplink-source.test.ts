import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { within } from '../fixtures/clients.ts';
import type { SupergraphSource } from './source.ts';
import { uplinkSupergraph } from './uplink-source.ts';

interface Asked {
  readonly variables: Readonly<Record<string, unknown>>;
}

describe('a supergraph from Uplink', () => {
  let endpoint: string;
  let published: { readonly id: string; readonly sdl: string };
  let broken = false;
  const asked: Asked[] = [];
  let source: SupergraphSource;
  const came: string[] = [];

  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const ask = JSON.parse(body) as Asked;
      asked.push(ask);
      response.statusCode = broken ? 500 : 200;
      response.setHeader('content-type', 'application/json');
      const isKnown = ask.variables['ifAfterId'] === published.id;
      const routerConfig = isKnown
        ? { __typename: 'Unchanged', id: published.id, minDelaySeconds: 0.05 }
        : {
            __typename: 'RouterConfigResult',
            id: published.id,
            supergraphSdl: published.sdl,
            minDelaySeconds: 0.05,
          };
      response.end(JSON.stringify({ data: { routerConfig } }));
    });
  });

  beforeEach(async () => {
    broken = false;
    published = { id: '1', sdl: 'one' };
    asked.length = 0;
    came.length = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
    const options = { apiKey: 'service:forge:1', graphRef: 'forge@test', endpoints: [endpoint] };
    source = uplinkSupergraph(options, pino({ level: 'silent' }));
  });
  afterEach(async () => {
    await source.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const start = () => source.start((sdl) => came.push(sdl));

  it('is the one that is published, asked for by key and graph', async () => {
    expect(await start()).toBe('one');
    expect(asked[0]?.variables).toMatchObject({ apiKey: 'service:forge:1', ref: 'forge@test' });
  });

  it('is given anew when another one is published, through a time without answers', async () => {
    await start();
    broken = true;
    const before = asked.length;
    expect(await within(5_000, () => asked.length > before)).toBe(true);
    published = { id: '2', sdl: 'two' };
    broken = false;
    expect(await within(10_000, () => came.includes('two'))).toBe(true);
    expect(came).toEqual(['two']);
  }, 20_000);
});
