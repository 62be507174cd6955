import { pino, stdSerializers } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { linesOfATurn } from './log-lines.ts';
import { withoutSecrets } from './without-secrets.ts';

export type Log = Logger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Makes the log of a process: JSON lines on standard error, since standard
 * output belongs to what a program says to its caller.
 *
 * Members with the name of a secret are replaced, down to four levels.
 */
export function createLog(
  config: { readonly level: LogLevel },
  destination?: DestinationStream,
): Log {
  const log = pino(
    {
      level: config.level,
      base: { pid: process.pid },
      timestamp: timeMember,
      serializers: { err: toldError },
      formatters: { log: withoutSecrets },
    },
    destination ?? linesOfATurn(pino.destination({ fd: 2, sync: true })),
  );
  // What a child carries does not go through the formatter. Children inherit this.
  const child = Reflect.get(log, 'child') as unknown as MakeChild;
  const cleanChild: MakeChild = function (bindings, options) {
    return child.call(this, withoutSecrets(bindings), options);
  };
  Reflect.set(log, 'child', cleanChild);
  return log;
}

/** The moment as RFC 3339 writes it. A busy process writes several lines in each millisecond. */
function timeMember(): string {
  const now = Date.now();
  if (now !== timedAt) {
    timedAt = now;
    timed = `,"time":"${new Date(now).toISOString()}"`;
  }
  return timed;
}

let timedAt = 0;
let timed = '';

type MakeChild = (this: Log, bindings: object, options?: object) => Log;

/** What libraries hang on errors that is neither told nor small: connections, statements with their values. */
const leftOut: ReadonlySet<string> = new Set(['client', 'parameters', 'driverError', 'query']);

function toldError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const told = stdSerializers.err(error) as unknown as Record<string, unknown>;
  const kept = Object.entries(told).filter(([name]) => !leftOut.has(name));
  return withoutSecrets(Object.fromEntries(kept));
}
