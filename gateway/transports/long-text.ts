import type { ServerResponse } from 'node:http';

/**
 * Ends a response with a long text as UTF-8, in room that is used again.
 *
 * To be given fresh room for a text costs several times what filling it does. A
 * room belongs to one response until all of it is in the hands of the system;
 * that of a response which breaks off is not used again.
 */
export function endWithText(response: ServerResponse, text: string): void {
  if (text.length > roomBytes / bytesPerCharacterMax) {
    const bytes = Buffer.from(text);
    response.setHeader('content-length', bytes.length);
    response.end(bytes);
    return;
  }
  const room = rooms.pop() ?? Buffer.allocUnsafeSlow(roomBytes);
  const { written } = encoder.encodeInto(text, room);
  response.setHeader('content-length', written);
  response.once('finish', () => {
    if (rooms.length < roomsKept) rooms.push(room);
  });
  response.end(room.subarray(0, written));
}

const encoder = new TextEncoder();

/** Of UTF-8, for each unit of UTF-16. */
const bytesPerCharacterMax = 3;

const roomBytes = 1_048_576;
const roomsKept = 16;
const rooms: Buffer[] = [];
