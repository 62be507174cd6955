import { connect } from 'node:net';
import type { Socket } from 'node:net';
import process from 'node:process';
import { query } from './graph.ts';

/** A process that holds any number of subscriptions, and counts what comes. */
export interface Opening {
  readonly url: string;
  readonly connections: number;
  readonly perConnection: number;
}

export type Told =
  | { readonly opened: number }
  | { readonly expecting: number }
  | { readonly delivered: number; readonly latenciesMs: readonly number[] };

let wanted = 0;
let delivered = 0;
let latencies: number[] = [];
const sockets: Socket[] = [];

process.on('message', (order: Opening | { readonly expect: number } | { readonly leave: true }) => {
  if ('expect' in order) {
    wanted = order.expect;
    delivered = 0;
    latencies = [];
    process.send?.({ expecting: wanted });
  } else if ('leave' in order) {
    for (const socket of sockets.splice(0)) socket.destroy();
  } else {
    open(order).then(
      () => process.send?.({ opened: order.connections * order.perConnection }),
      (cause: unknown) => {
        process.stderr.write(`${String(cause)}\n`);
        process.exit(1);
      },
    );
  }
});
process.once('disconnect', () => process.exit(0));
process.stdout.write('ready to read\n');

async function open({ url, connections, perConnection }: Opening): Promise<void> {
  const { port, hostname } = new URL(url);
  const atOnce = 50;
  for (let begun = 0; begun < connections; begun += atOnce) {
    await Promise.all(
      Array.from({ length: Math.min(atOnce, connections - begun) }, () =>
        greeted(Number(port), hostname, perConnection),
      ),
    );
  }
}

/** Opens one connection and its subscriptions, as bare as can be: reading should cost little. */
function greeted(port: number, host: string, perConnection: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    sockets.push(socket);
    socket.setNoDelay(true);
    let rest: Buffer = Buffer.alloc(0);
    let isUpgraded = false;
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.write(
        `GET /graphql HTTP/1.1\r\nhost: ${host}:${port}\r\nconnection: upgrade\r\n` +
          'upgrade: websocket\r\nsec-websocket-version: 13\r\n' +
          'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
          'sec-websocket-protocol: graphql-transport-ws\r\n\r\n',
      );
    });
    socket.on('data', (chunk: Buffer) => {
      let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      if (!isUpgraded) {
        const end = bytes.indexOf('\r\n\r\n');
        rest = bytes;
        if (end < 0) return;
        isUpgraded = true;
        bytes = bytes.subarray(end + 4);
        const payload = { authorization: 'Bearer alice' };
        socket.write(frame({ type: 'connection_init', payload }));
      }
      rest = eachFrame(bytes, (text, isPing) => {
        if (isPing) {
          // Whoever answers none is dropped, by both servers.
          socket.write(masked(0x8a, Buffer.from(text, 'latin1')));
        } else if (text.includes('"next"')) {
          count(text);
        } else if (text.includes('connection_ack')) {
          for (let id = 1; id <= perConnection; id += 1) {
            socket.write(frame({ id: `${id}`, type: 'subscribe', payload: { query } }));
          }
          socket.write(frame({ type: 'ping' }));
        } else if (text.includes('"pong"')) {
          // Messages are taken in their order: the subscriptions are there.
          resolve();
        } else if (text.includes('"error"')) {
          throw new Error(text);
        }
      });
    });
  });
}

function count(text: string): void {
  const [, at] = /"at":"([\d.]+)"/.exec(text) ?? [];
  latencies.push(performance.timeOrigin + performance.now() - Number(at));
  if (!text.includes('"amountMinor"')) throw new Error(`Not joined: ${text}`);
  delivered += 1;
  if (delivered === wanted) process.send?.({ delivered, latenciesMs: latencies });
}

function frame(message: object): Buffer {
  return masked(0x81, Buffer.from(JSON.stringify(message)));
}

/** The mask is zero, which is one. */
function masked(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = length < 126 ? [first, 0x80 | length] : [first, 0xfe, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

/** Gives what is not a whole frame yet. */
function eachFrame(bytes: Buffer, take: (text: string, isPing: boolean) => void): Buffer {
  let at = 0;
  while (bytes.length - at >= 2) {
    const short = bytes[at + 1] ?? 0;
    const begin = at + (short < 126 ? 2 : 4);
    if (begin > bytes.length) break;
    const end = begin + (short < 126 ? short : bytes.readUInt16BE(at + 2));
    if (end > bytes.length) break;
    const first = bytes[at];
    if (first === 0x81 || first === 0x89) {
      take(bytes.toString('latin1', begin, end), first === 0x89);
    }
    at = end;
  }
  return bytes.subarray(at);
}
