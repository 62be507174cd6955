import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type Log = Logger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Members whose values never reach a log, wherever they stand. */
const secretNames = [
  'authorization',
  'Authorization',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'apiKey',
  'privateKey',
  'connectionString',
  'databaseUrl',
  'cookie',
  'set-cookie',
  'x-forge-identity',
];

/**
 * Makes the log of a process: JSON lines on standard error, since standard
 * output belongs to what a program says to its caller.
 *
 * Members with the name of a secret are replaced, at any depth up to four.
 */
export function createLog(
  config: { readonly level: LogLevel },
  destination?: DestinationStream,
): Log {
  const prefixes = ['', '*.', '*.*.', '*.*.*.'];
  const paths = prefixes.flatMap((prefix) =>
    secretNames.map((name) => (prefix === '' ? `["${name}"]` : `${prefix}["${name}"]`)),
  );
  return pino(
    {
      level: config.level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: toldError },
      redact: { paths, censor: '[redacted]' },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** What libraries hang on errors that is neither told nor small: connections, statements with their values. */
const leftOut: ReadonlySet<string> = new Set(['client', 'parameters', 'driverError', 'query']);

function toldError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const told = stdSerializers.err(error) as unknown as Record<string, unknown>;
  return Object.fromEntries(Object.entries(told).filter(([name]) => !leftOut.has(name)));
}
