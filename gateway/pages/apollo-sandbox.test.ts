import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

describe('Apollo Sandbox', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
  });
  afterAll(() => fixture.stop());
  const get = async (path: string) => {
    const response = await fetch(new URL(path, fixture.url));
    return { response, text: await response.text() };
  };

  it('is a page that may run nothing but Apollo’s program and its own start', async () => {
    const { response, text } = await get('/sandbox');
    expect(response.headers.get('content-type')).toContain('text/html');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    const sources = [...text.matchAll(/<script src="([^"]+)"/g)].map(([, src]) => src);
    expect(sources).toEqual([
      expect.stringMatching(/^https:\/\/embeddable-sandbox\.cdn\.apollographql\.com\//),
      '/sandbox/start.js',
    ]);
    expect(text).not.toMatch(/<script(?![^>]*src=)/);
  });

  const run = async (window: Record<string, unknown>) => {
    const place = { textContent: '' };
    const document = { querySelector: () => place };
    const location = { href: 'https://graph.example/sandbox' };
    const { text } = await get('/sandbox/start.js');
    runInNewContext(text, { window, document, location, URL });
    return place.textContent;
  };

  it('asks this gateway', async () => {
    const begun: unknown[] = [];
    const EmbeddedSandbox = function (options: unknown): void {
      begun.push(options);
    };
    await run({ EmbeddedSandbox });
    expect(begun).toMatchObject([
      { initialEndpoint: 'https://graph.example/graphql', runTelemetry: false },
    ]);
  });

  it('says so where there is no internet, and where the explorer is', async () => {
    expect(await run({})).toContain('The explorer at / needs none');
  });
});
