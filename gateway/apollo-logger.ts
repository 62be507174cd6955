import type { Log } from '../subgraphs/shared/log.ts';

/** The log as Apollo's packages call it; their chatter is of interest only when debugging. */
export function apolloLogger(log: Log) {
  return {
    debug: (message?: unknown) => {
      log.trace({ from: 'apollo' }, String(message));
    },
    info: (message?: unknown) => {
      log.debug({ from: 'apollo' }, String(message));
    },
    warn: (message?: unknown) => {
      log.warn({ from: 'apollo' }, String(message));
    },
    error: (message?: unknown) => {
      log.error({ from: 'apollo' }, String(message));
    },
  };
}
