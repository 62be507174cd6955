import { UplinkSupergraphManager } from '@apollo/gateway';
import type { Log } from '../../subgraphs/shared/log.ts';
import { apolloLogger } from '../apollo-logger.ts';
import type { SupergraphSource } from './source.ts';

export interface UplinkOptions {
  readonly apiKey: string;
  /** Such as `forge@production`. */
  readonly graphRef: string;
  /** Instead of Apollo's own. */
  readonly endpoints?: readonly string[] | undefined;
}

/** The supergraph that GraphOS composes, asked for as often as it says itself. */
export function uplinkSupergraph(
  { apiKey, graphRef, endpoints }: UplinkOptions,
  log: Log,
): SupergraphSource {
  let cleanup: (() => Promise<void>) | undefined;
  return {
    async start(onNewer) {
      const uplink = new UplinkSupergraphManager({
        apiKey,
        graphRef,
        logger: apolloLogger(log),
        ...(endpoints ? { uplinkEndpoints: [...endpoints] } : {}),
      });
      const started = await uplink.initialize({
        update: onNewer,
        healthCheck: () => Promise.resolve(),
        getDataSource: () => {
          throw new Error('Uplink gives supergraphs whole: nothing is composed here');
        },
      });
      ({ cleanup } = started);
      return started.supergraphSdl;
    },
    async stop() {
      await cleanup?.();
    },
  };
}
