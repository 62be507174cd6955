import { get } from 'node:http';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

describe('the explorer', () => {
  let fixture: RunningFixture;
  let root: string;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
    root = new URL('/', fixture.url).href;
  });
  afterAll(() => fixture.stop());

  const page = () => fetch(root, { headers: { accept: 'text/html,application/xhtml+xml' } });

  it('is a page whose files all come from this gateway', async () => {
    const response = await page();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
    const html = await response.text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    const files = [...html.matchAll(/(?:src|href)="([^"]+\.\w+)"/g)].map(([, file]) => file ?? '');
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      expect([file, await statusOf(root, `/explorer/${file}`)]).toEqual([file, 200]);
    }
  });

  it('may run only its own scripts and call only its own origin', async () => {
    const policy = (await page()).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(await (await page()).text()).not.toMatch(/<script(?![^>]*src=)/);
  });

  it.each([
    ['http://127.0.0.1:4000/', 'http://127.0.0.1:4000/graphql', 'ws://127.0.0.1:4000/graphql'],
    ['https://forge.example/', 'https://forge.example/graphql', 'wss://forge.example/graphql'],
  ])('opened at %s it calls %s and %s, with a place for the token', async (href, http, ws) => {
    const script = await (await fetch(`${root}explorer/initial-options.js`)).text();
    let options: Record<string, unknown> = {};
    const AltairGraphQL = { init: (given: Record<string, unknown>) => (options = given) };
    runInNewContext(script, { AltairGraphQL, URL, location: { href } });
    expect(options).toMatchObject({
      endpointURL: http,
      subscriptionsEndpoint: ws,
      initialHeaders: { Authorization: 'Bearer {{token}}' },
      initialSubscriptionsPayload: { authorization: 'Bearer {{token}}' },
      disableAccount: true,
    });
  });

  it('gives no file from outside its folder', async () => {
    for (const path of [
      '/explorer/../package.json',
      '/explorer/%2e%2e/index.js',
      '/explorer/..%2findex.js',
      '/explorer/%2e%2e%2f%2e%2e%2fpackage.json',
      '/explorer/%ff',
      '/explorer/',
    ]) {
      expect([path, await statusOf(root, path)]).toEqual([path, 404]);
    }
  });

  it('is only for those who ask for a page', async () => {
    expect((await fetch(root, { headers: { accept: 'application/json' } })).status).toBe(404);
    expect((await fetch(root, { method: 'POST', headers: { accept: 'text/html' } })).status).toBe(
      404,
    );
  });
});

/** The status of a path that is sent as it is written. */
function statusOf(root: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(root);
  return new Promise((resolve, reject) => {
    get({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}
