import process from 'node:process';
import { Pool } from 'undici';

/** A process that asks a gateway without pause. It gets orders, and tells how each went. */
export interface Order {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Asked in turn. */
  readonly bodies: readonly Body[];
  readonly connections: number;
  readonly seconds: number;
}

export interface Body {
  readonly text: string;
  /** How long the answer is: another length is another answer. */
  readonly answerBytes: number;
}

export interface Outcome {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core, that this process took. */
  readonly cpuShare: number;
}

process.on('message', (order: Order) => {
  run(order).then(
    (outcome) => process.send?.({ outcome }),
    (cause: unknown) => process.send?.({ failure: String(cause) }),
  );
});
process.once('disconnect', () => process.exit(0));
process.stdout.write('ready to ask\n');

async function run(order: Order): Promise<Outcome> {
  const { origin, pathname } = new URL(order.url);
  const pool = new Pool(origin, { connections: order.connections });
  const headers = { ...order.headers, 'content-type': 'application/json' };
  const latencies: number[] = [];
  const began = performance.now();
  const cpu = process.cpuUsage();
  const until = began + order.seconds * 1_000;
  let next = 0;
  const reader = async (): Promise<void> => {
    for (let sent = began; sent < until;) {
      const body = order.bodies[next % order.bodies.length];
      next += 1;
      sent = performance.now();
      if (body) await exchange(pool, pathname, headers, body);
      latencies.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: order.connections }, reader));
  } finally {
    await pool.destroy();
  }
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    seconds: ms / 1_000,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? NaN,
    cpuShare: (user + system) / 1_000 / ms,
  };
}

/** One request. The answer is counted, not read, so that asking costs little. */
function exchange(
  pool: Pool,
  path: string,
  headers: Record<string, string>,
  { text, answerBytes }: Body,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let bytes = 0;
    pool.dispatch(
      { path, method: 'POST', headers, body: text },
      {
        onRequestStart: noContext,
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          bytes += chunk.length;
        },
        onResponseEnd() {
          if (status === 200 && bytes === answerBytes) resolve();
          else reject(new Error(`${status} with ${bytes} bytes instead of ${answerBytes}`));
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

/** Nothing is to be known of a request that begins; undici asks for the method. */
function noContext(): void {
  // Nothing to do.
}
