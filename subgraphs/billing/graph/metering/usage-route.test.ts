import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ForgeError } from '../../../shared/errors.ts';
import { createLog } from '../../../shared/log.ts';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling } from '../../fixtures/billing.ts';
import { usageRoute } from './usage-route.ts';

let billing: BillingUnderTest;
let server: Server;
let url: string;
beforeAll(async () => {
  billing = await openBilling();
  const route = usageRoute({
    db: billing.db,
    clock: billing.clock,
    log: createLog({ level: 'silent' }),
    // The token is a tenant and its scopes.
    verifyToken: (token) => {
      const [tenant = '', ...scopes] = token.split(',');
      if (tenant === 'expired') {
        return Promise.reject(new ForgeError('UNAUTHENTICATED', 'The token has expired.'));
      }
      const actor = { type: 'service', id: 'meter' } as const;
      return Promise.resolve({ tenant, actor, scopes, expiresAt: new Date('2099-01-01') });
    },
  });
  server = createServer((request, response) => {
    void route(request, response, new URL(request.url ?? '/', 'http://x')).then((taken) => {
      if (!taken) response.writeHead(418).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1/events`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await billing.close();
});

async function send(body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: 'Bearer acme,billing:write',
      'content-type': 'application/cloudevents+json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const event = (id: string, change: object = {}) => ({
  ...{ specversion: '1.0', id, source: '/http', type: 'used', data: { n: 1 } },
  ...change,
});
const counts = { accepted: 0, duplicates: 0, conflicts: 0, rejected: 0, problems: [] };

describe('POST /v1/events', () => {
  it('takes one event in structured mode, and the same again as a duplicate', async () => {
    expect(await send(event('one'))).toEqual({ status: 200, body: { ...counts, accepted: 1 } });
    expect(await send(event('one'))).toEqual({ status: 200, body: { ...counts, duplicates: 1 } });
    const other = await send(event('one', { data: { n: 2 } }));
    expect(other).toMatchObject({ status: 409, body: { conflicts: 1, problems: [{ id: 'one' }] } });
    expect(await send(event('bad', { specversion: '2' }))).toMatchObject({ status: 400 });
  });

  it('takes one event in binary mode, its attributes percent-decoded', async () => {
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      ...{
        'ce-specversion': '1.0',
        'ce-id': 'bin%C3%A4r',
        'ce-source': '/http',
        'ce-type': 'used',
      },
    };
    expect(await send({ n: 1 }, headers)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const rows = await billing.rows('acme', 'select data from usage_event where id = $1', [
      'binär',
    ]);
    expect(rows).toEqual([{ data: { n: 1 } }]);
  });

  it('takes a batch, and tells by its place what is wrong in it', async () => {
    const batch = [event('b1'), event('b2', { id: '' }), event('b3'), event('b1')];
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    expect(await send(batch, headers)).toMatchObject({
      status: 200,
      body: {
        accepted: 2,
        duplicates: 1,
        rejected: 1,
        problems: [{ index: 1, status: 'REJECTED' }],
      },
    });
    const large = Array.from({ length: 1_001 }, (_, n) => event(`l${String(n)}`));
    expect(await send(large, headers)).toMatchObject({ status: 413 });
    expect(await send([], headers)).toEqual({ status: 200, body: counts });
  });

  it.each([
    ['without a token', 401, { authorization: '' }],
    ['with an expired token', 401, { authorization: 'Bearer expired' }],
    ['with a token that may only read', 403, { authorization: 'Bearer acme,billing:read' }],
    ['of a kind that is no event', 415, { 'content-type': 'text/plain' }],
  ])('refuses what comes %s', async (_what, status, headers) => {
    const refused = await send(event('refused'), headers);
    expect(refused).toMatchObject({ status, body: { error: { code: expect.any(String) } } });
    expect(await billing.rows('acme', `select * from usage_event where id = 'refused'`)).toEqual(
      [],
    );
  });

  it('refuses a body that is no JSON, and one that is too large', async () => {
    expect(await send('{')).toMatchObject({ status: 400 });
    expect(await send('x'.repeat(4_200_000)).catch(() => ({ status: 413 }))).toMatchObject({
      status: 413,
    });
  });

  it('takes the tenant from the token alone', async () => {
    const theirs = { authorization: 'Bearer globex,billing:write' };
    expect(await send(event('one', { data: { n: 9 } }), theirs)).toMatchObject({
      body: { accepted: 1 },
    });
    const mine = await billing.rows('acme', `select data from usage_event where id = 'one'`);
    expect(mine).toEqual([{ data: { n: 1 } }]);
  });

  it('answers nothing but POST, and nothing else under other paths', async () => {
    expect((await fetch(url)).status).toBe(405);
    expect((await fetch(new URL('/v2/events', url))).status).toBe(418);
  });
});
