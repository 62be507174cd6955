import type { StreamFormat } from './http-stream.ts';

/** The media type that asks for this format. */
export const multipartType = 'multipart/mixed;subscriptionSpec=1.0';

/**
 * Apollo's subscriptions over HTTP multipart, version 1.0: each part is an
 * envelope, a result in `payload`, `{}` as heartbeat, and errors beside a null
 * payload when the stream itself fails. Clients know no other part, so a token
 * that ends soon is told with results only.
 */
export const multipart: StreamFormat = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
  opening: '\r\n--graphql',
  heartbeat: part('{}'),
  expiring: () => part('{}'),
  event: (json) => part(`{"payload":${json}}`),
  fatal: (errors) => `${part(JSON.stringify({ payload: null, errors }))}--\r\n`,
  end: '--\r\n',
};

/** A part is written with the boundary after it, so that clients need not wait for the next one. */
function part(envelope: string): string {
  return `\r\ncontent-type: application/json\r\n\r\n${envelope}\r\n--graphql`;
}
