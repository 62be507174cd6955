import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { env } from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { post, read, soon } from './fixtures/clients.ts';
import { startFixture } from './fixtures/gateway.ts';

describe('nothing leaves the machine', () => {
  const reached: string[] = [];
  const watch = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.on('lookup', (_error, _address, _family, host) => reached.push(host));
    socket.on('connectionAttempt', (address) => reached.push(address));
  };
  const nodeEnv = env['NODE_ENV'];
  beforeEach(() => {
    reached.length = 0;
    subscribe('net.client.socket', watch);
  });
  afterEach(() => {
    unsubscribe('net.client.socket', watch);
    env['NODE_ENV'] = nodeEnv;
  });

  it.each(['development', 'production'])(
    'while it starts, answers and stops in %s',
    async (name) => {
      env['NODE_ENV'] = name;
      const before = env['APOLLO_TELEMETRY_DISABLED'];
      const fixture = await startFixture('http', {
        config: {
          production: name === 'production',
          apollo: { key: undefined, graphRef: undefined },
        },
      });
      await post(fixture, { query: '{ job(id: "a") { id cost notes } }' });
      const query = 'subscription { jobEvents(jobId: "a", until: 2) { seq job { cost } } }';
      await soon(read(fixture, 'graphql-ws', query).ended);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await fixture.stop();
      expect(reached.length).toBeGreaterThan(0);
      expect(reached.filter((host) => !/^(127\.0\.0\.1|::1|localhost)$/.test(host))).toEqual([]);
      expect(env['APOLLO_TELEMETRY_DISABLED']).toBe(before);
    },
  );
});
