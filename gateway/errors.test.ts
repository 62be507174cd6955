import { describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import { pino } from 'pino';
import { ForgeError } from '../subgraphs/shared/errors.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { maskError } from './errors.ts';

const secret = 'password=hunter2';

function masked(error: unknown) {
  const lines: string[] = [];
  const log: Log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  return { told: maskError(error, { requestId: 'r-1', log }), logged: lines.join('') };
}

describe('maskError', () => {
  it.each([
    ['an Error', new Error(secret)],
    ['a string', secret],
    ['nothing', undefined],
    ['a GraphQLError without a code', new GraphQLError(secret)],
    ['an unknown code', new GraphQLError(secret, { extensions: { code: 'ECONNREFUSED' } })],
    ['a code that is no text', new GraphQLError(secret, { extensions: { code: 7 } })],
    ['an INTERNAL of a subgraph', new GraphQLError(secret, { extensions: { code: 'INTERNAL' } })],
    ['an INTERNAL of our own', new ForgeError('INTERNAL', secret)],
    [
      'a subgraph that refuses the text we sent it',
      new GraphQLError(secret, {
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED', serviceName: 'billing' },
      }),
    ],
  ])('hides %s from the client and tells the log', (_name, error) => {
    const { told, logged } = masked(error);
    expect(JSON.stringify(told)).not.toContain('hunter2');
    expect(told.extensions).toMatchObject({ code: 'INTERNAL', requestId: 'r-1', retryable: false });
    if (error !== undefined) expect(logged).toContain('r-1');
  });

  it('lets a public error through with its code, path and hints, and nothing else', () => {
    const error = new GraphQLError('Slow down.', {
      path: ['job', 0],
      extensions: {
        code: 'RATE_LIMITED',
        retryAfterMs: 250,
        serviceName: 'billing',
        stacktrace: [secret],
        exception: { secret },
      },
    });
    const { told, logged } = masked(error);
    expect(told).toEqual({
      message: 'Slow down.',
      path: ['job', 0],
      extensions: {
        code: 'RATE_LIMITED',
        requestId: 'r-1',
        retryable: true,
        retryAfterMs: 250,
        docs: expect.stringContaining('rate_limited') as unknown,
      },
    });
    expect(logged).toBe('');
  });

  it('never shows the cause of a ForgeError', () => {
    const error = new ForgeError('PROVIDER_UNAVAILABLE', 'Stripe gave no answer.', {
      cause: new Error(secret),
      retryable: true,
    });
    const { told } = masked(new GraphQLError(secret, { originalError: error }));
    expect(told).toMatchObject({
      message: 'Stripe gave no answer.',
      extensions: { code: 'PROVIDER_UNAVAILABLE', retryable: true },
    });
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });
});
