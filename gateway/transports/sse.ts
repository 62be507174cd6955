import type { StreamFormat } from './http-stream.ts';

/** The media type that asks for this format. */
export const sseType = 'text/event-stream';

/** GraphQL over server-sent events, distinct connections: one operation, one stream. */
export const sse: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: ':\n\n',
  heartbeat: ':\n\n',
  expiring: (expiresAt) => `: token-expiring ${expiresAt}\n\n`,
  event: (json) => `event: next\ndata: ${json}\n\n`,
  fatal: (errors) => `event: next\ndata: ${JSON.stringify({ errors })}\n\n${complete}`,
  end: 'event: complete\ndata:\n\n',
};

const complete = 'event: complete\ndata:\n\n';
