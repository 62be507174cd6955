import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type Log = Logger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Members whose values never reach a log, wherever they stand. */
const secretNames = [
  'authorization',
  'password',
  'secret',
  'token',
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
      redact: { paths, censor: '[redacted]' },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
