import { randomBytes } from 'node:crypto';

/**
 * Makes the head of a trace that begins here, as W3C Trace Context writes it;
 * `sampled` says whether its spans are recorded.
 *
 * Random bytes are fetched for many traces at once: asking the system for each
 * costs more than the rest of a small request's bookkeeping.
 */
export function newTraceparent(sampled: boolean): string {
  if (position >= pool.length) {
    pool = randomBytes(tracesPerPool * bytesPerTrace).toString('hex');
    position = 0;
  }
  const traceId = pool.slice(position, position + 32);
  const spanId = pool.slice(position + 32, position + 48);
  position += 48;
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

const bytesPerTrace = 24;
const tracesPerPool = 256;
let pool = '';
let position = 0;
