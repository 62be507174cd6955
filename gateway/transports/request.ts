import type { IncomingMessage } from 'node:http';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { withText } from '../operations/received.ts';

/**
 * Reads a request's body as JSON; undefined when it is not declared as JSON.
 * Stops reading at the limit, whatever length was announced.
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new EncodedBody(encoding);
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge(bytesMax);
  const contentType = request.headers['content-type'] ?? '';
  if (!/^application\/json *(;|$)/i.test(contentType)) return undefined;
  const bytes = await bytesOf(request, bytesMax);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw new ForgeError('BAD_USER_INPUT', 'The body is not valid JSON.', { cause });
  }
}

function bytesOf(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bytesMax) {
        chunks.push(chunk);
      } else {
        request.pause().removeAllListeners('data');
        reject(tooLarge(bytesMax));
      }
    });
    request.once('end', () => {
      const [only] = chunks;
      resolve(only && chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    request.once('error', reject);
    request.once('close', () => {
      // An error is made for who needs one: its stack costs more than reading a short body.
      if (!request.readableEnded) reject(new Error('The client has left'));
    });
  });
}

/** The HTTP status for the refusal of a body as such; undefined for anything else. */
export function bodyStatusOf(error: unknown): number | undefined {
  if (error instanceof BodyTooLarge) return 413;
  return error instanceof EncodedBody ? 415 : undefined;
}

/** Bodies are read as they are: a few compressed bytes could become any number of them. */
class EncodedBody extends ForgeError {
  constructor(encoding: string) {
    super('BAD_USER_INPUT', `Bodies are not taken as ${encoding}. Send them without an encoding.`);
  }
}

class BodyTooLarge extends ForgeError {}

function tooLarge(bytesMax: number): ForgeError {
  return new BodyTooLarge(
    'LIMIT_EXCEEDED',
    `The body has more than ${String(bytesMax)} bytes. Send less at a time.`,
  );
}

/** The GraphQL members of a query string; those that are not there are null. */
export function searchMembers(search: URLSearchParams): Record<string, unknown> {
  return {
    query: search.get('query'),
    operationName: search.get('operationName'),
    variables: parsed('variables', search.get('variables')),
    extensions: parsed('extensions', search.get('extensions')),
    documentId: search.get('documentId'),
  };
}

/** A request that came with an id, with the text in the id's place. */
export function requestWithText(
  isSearch: boolean,
  members: unknown,
  query: string,
): { readonly search: string; readonly body: unknown } {
  const body = withText(members as Record<string, unknown>, query);
  if (!isSearch) return { search: '', body };
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    if (value != null) search.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return { search: `?${search.toString()}`, body: undefined };
}

function parsed(name: string, text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ForgeError('BAD_USER_INPUT', `The ${name} are not valid JSON.`, { cause });
  }
}
