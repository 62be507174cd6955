import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { endWithText } from './long-text.ts';

let server: Server;
let url: string;
const texts = new Map<string, string>();

beforeAll(async () => {
  server = createServer((request, response) => {
    endWithText(response, texts.get(request.url ?? '') ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Asks for several texts at once, and reads nothing until it is told to. */
function slowReader(paths: readonly string[]): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.pause();
  const heads = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: forge\r\n`);
  socket.write(`${heads.join('\r\n')}connection: close\r\n\r\n`);
  return socket;
}

/** The bodies of all answers that come, in their order. */
async function bodiesOf(socket: Socket): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString()
    .split(/HTTP\/1.1 200[^]*?\r\n\r\n/)
    .slice(1);
}

describe('endWithText', () => {
  it('sends any text as UTF-8 with its length', async () => {
    const word = fc.string({ unit: 'binary', maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(word, fc.integer({ min: 0, max: 20_000 }), async (text, times) => {
        const whole = text.repeat(times);
        texts.set('/any', whole);
        const answer = await fetch(`${url}/any`);
        const bytes = Buffer.from(await answer.arrayBuffer());
        expect(bytes.equals(Buffer.from(whole))).toBe(true);
        expect(Number(answer.headers.get('content-length'))).toBe(bytes.length);
      }),
      { numRuns: 60 },
    );
  });

  it('gives slow readers their own texts, whatever others are sent meanwhile, and others leave', async () => {
    const slow = Array.from({ length: 12 }, (_, index) => `/slow/${String(index)}`);
    for (const [index, path] of slow.entries()) {
      texts.set(path, String.fromCodePoint(0x4e00 + index).repeat(349_000));
    }
    const others = 'OTHER'.repeat(60_000);
    texts.set('/other', others);
    // More than the system takes off our hands for a reader that does not read.
    const reader = slowReader(slow);
    for (let round = 0; round < 6; round += 1) {
      const leaving = Array.from({ length: 4 }, () => slowReader(['/other', '/other']));
      const read = await Promise.all(
        Array.from({ length: 8 }, async () => (await fetch(`${url}/other`)).text()),
      );
      expect(read.every((text) => text === others)).toBe(true);
      for (const socket of leaving) socket.destroy();
    }
    const bodies = await bodiesOf(reader);
    expect(bodies.map((body, index) => body === texts.get(slow[index] ?? ''))).toEqual(
      slow.map(() => true),
    );
  });
});
