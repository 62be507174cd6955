import type { Delivery, Notices } from '../subscriptions/delivery.ts';

/** The end of a `next` message, with the id of its operation. */
export function tailOf(id: string): Buffer {
  return Buffer.from(`,"id":${JSON.stringify(id)}}`);
}

/**
 * A result as a text frame of the WebSocket protocol, in one or two pieces. All
 * but the end is made once for all operations with ids of one length: a frame
 * begins with its length.
 */
export function nextFrame(
  delivery: Delivery,
  notices: Notices | undefined,
  tail: Buffer,
): readonly [Buffer] | readonly [Buffer, Buffer] {
  if (notices) return [framed(begin(delivery.jsonWith(notices)), tail.length), tail];
  const head = delivery.bytes(tail.length, (json) => framed(begin(json), tail.length));
  if (head.length > copiedBytesMax) return [head, tail];
  const whole = Buffer.allocUnsafe(head.length + tail.length);
  head.copy(whole);
  tail.copy(whole, head.length);
  return [whole];
}

/** Copying little costs less than writing twice; copying much would be kept for every reader. */
const copiedBytesMax = 4_096;

function begin(json: string): Buffer {
  return Buffer.from(`{"type":"next","payload":${json}`);
}

/** RFC 6455, 5.2: a final text frame, not masked since a server sends it. */
function framed(payload: Buffer, moreBytes: number): Buffer {
  const length = payload.length + moreBytes;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + extra);
  header[0] = 0x81;
  if (extra === 0) {
    header[1] = length;
  } else if (extra === 2) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeUIntBE(length, 4, 6);
  }
  return Buffer.concat([header, payload]);
}
