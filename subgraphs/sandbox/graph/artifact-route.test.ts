import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import { artifactRoute } from './artifact-route.ts';

const large = 'y'.repeat(3 * 1_048_576);
let sandbox: SandboxUnderTest;
let server: Server;
let origin: string;
let link: string;
beforeAll(async () => {
  sandbox = await openSandbox();
  const { db, clock, deps } = sandbox;
  const route = artifactRoute({ db, clock, key: deps.links.key, storage: deps.storage });
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    void route(request, response, url).then((taken) => {
      if (!taken) response.writeHead(418).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  sandbox.scripted.script = () => ({ files: { 'large.bin': large } });
  const id = await sandbox.finished();
  const { data } = await sandbox.ask(
    { tenant: 'acme' },
    `{ job(id: "${id}") { artifacts { edges { node { downloadUrl } } } } }`,
  );
  const url = /http:[^"]+/.exec(JSON.stringify(data))?.[0] ?? '';
  link = url.replace('http://forge.test', origin);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await sandbox.close();
});

describe('the route of artifacts', () => {
  it('serves the file under its link, whole', async () => {
    const response = await fetch(link);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(large.length));
    expect((await response.text()) === large).toBe(true);
  });

  it('takes nothing but what is under its path', async () => {
    expect((await fetch(`${origin}/graphql`)).status).toBe(418);
    expect((await fetch(`${origin}/artifacts/`)).status).toBe(404);
  });

  it('bears a client that leaves in the middle', async () => {
    const leaving = new AbortController();
    const response = await fetch(link, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    expect((await fetch(link)).status).toBe(200);
  });
});
