import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Database } from '../../../shared/db.ts';
import type { Log } from '../../../shared/log.ts';
import type { HttpRoute } from '../../../shared/subgraph-server.ts';
import type { BillingDeps } from '../../workflows/deps.ts';
import { receiveEvent } from '../../workflows/payments/receive-event.ts';

export const webhooksPath = '/webhooks/stripe/';
const bodyBytesMax = 512 * 1_024;
const accountPattern = /^[a-z0-9_]{1,64}$/;

/**
 * Takes what Stripe tells: `POST /webhooks/stripe/:accountRef`, the bytes as they
 * came. 200 says that it is kept; 400 that it is not Stripe's. Nothing of what is
 * refused is logged but that it was.
 */
export function webhookRoute(options: {
  readonly db: Database;
  readonly deps: BillingDeps;
  readonly log: Log;
}): HttpRoute {
  const { db, deps, log } = options;
  return async (request, response, url) => {
    if (!url.pathname.startsWith(webhooksPath)) return false;
    const accountRef = url.pathname.slice(webhooksPath.length);
    if (request.method !== 'POST') return end(response, 405, { allow: 'POST' });
    if (!accountPattern.test(accountRef)) return end(response, 404);
    const raw = await bytesOf(request);
    if (!raw) {
      request.resume();
      return end(response, 413, { connection: 'close' });
    }
    const reception = await receiveEvent(db, deps, { accountRef, raw, headers: request.headers });
    if (reception.kind === 'kept') return end(response, 200);
    log.warn({ accountRef, reason: reception.reason }, 'a webhook was refused');
    return end(response, 400);
  };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += (part as Buffer).length;
    if (bytes > bodyBytesMax) return undefined;
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function end(response: ServerResponse, status: number, headers = {}): true {
  response.writeHead(status, { 'content-length': 0, ...headers }).end();
  return true;
}
