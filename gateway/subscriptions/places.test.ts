import { describe, expect, it } from '@jest/globals';
import { read, soon } from '../fixtures/clients.ts';
import type { ClientName } from '../fixtures/clients.ts';
import { liveToken, startLive } from './fixtures/live-graph.ts';
import { Places } from './places.ts';

const someone = (tenant: string, id: string) =>
  ({ tenant, actor: { type: 'user', id }, scopes: [], expiresAt: new Date() }) as const;

describe('places for subscriptions', () => {
  it('are counted by actor, by tenant and in all, and can be had again', () => {
    const places = new Places({
      ...{ subscriptionsPerActorMax: 1, subscriptionsPerTenantMax: 2, subscriptionsMax: 3 },
    });
    const refusal = { code: 'LIMIT_EXCEEDED', retryable: true };
    const take = (tenant: string, id: string) => () => {
      places.take(someone(tenant, id));
    };
    take('acme', 'alice')();
    expect(take('acme', 'alice')).toThrow(expect.objectContaining(refusal));
    take('acme', 'bob')();
    expect(take('acme', 'carol')).toThrow(expect.objectContaining(refusal));
    take('globex', 'alice')();
    expect(take('initech', 'peter')).toThrow(expect.objectContaining(refusal));
    places.leave(someone('acme', 'alice'));
    take('acme', 'alice')();
  });

  it('are limited over all transports together, and free once a stream has ended', async () => {
    const live = await startLive({ limits: { subscriptionsPerActorMax: 3 } });
    const query = 'subscription { jobChanged(id: "j") { step } }';
    const follow = (client: ClientName) => read(live, client, query, liveToken());
    const [first] = [follow('graphql-ws'), follow('graphql-sse'), follow('graphql-sse')];
    await live.reading(3);
    for (const client of ['graphql-ws', 'graphql-sse', 'Apollo Client over multipart'] as const) {
      const refused = follow(client);
      const ending = await soon(refused.ended);
      const errors = ending instanceof Error && 'errors' in ending ? ending.errors : undefined;
      expect(JSON.stringify([ending, errors, refused.results])).toContain('LIMIT_EXCEEDED');
    }
    first.leave();
    await live.reading(2);
    follow('graphql-ws');
    await live.reading(3);
    await live.stop();
  });
});
