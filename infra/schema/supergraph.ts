import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { databaseSql } from './database-sql.ts';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { subgraphSdl } from '../../subgraphs/shared/host.ts';
import type { Kernel } from '../../subgraphs/shared/host.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';

/** Where subgraphs are found when they are processes of their own, unless a deployment says otherwise. */
const routingUrl = (name: string): string => `http://${name}:4100/graphql`;

/**
 * The files of schema/: each subgraph's part of the graph, and the supergraph
 * they make. Throws, with all that is wrong, when they do not fit together.
 */
export async function supergraphFiles(): Promise<ReadonlyMap<string, string>> {
  const config = loadConfig({ FORGE_DATA_DIR: join(tmpdir(), 'forge-schema') });
  const unused = new Uint8Array(32);
  const kernel: Kernel = {
    log: createLog({ level: 'silent' }),
    clock: systemClock,
    keys: {
      ...{ identity: unused, platform: unused, cursor: unused },
      ...{ link: unused, upload: unused },
    },
  };
  const subgraphs = subgraphNames.map((name) => makeSubgraph(name, config, kernel));
  const parts = await Promise.all(
    subgraphs.map(async (subgraph) => ({
      name: subgraph.name,
      sdl: await subgraphSdl(subgraph),
    })),
  );
  const { supergraphSdl, errors } = composeServices(
    parts.map(({ name, sdl }) => ({ name, url: routingUrl(name), typeDefs: parse(sdl) })),
  );
  if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
  return new Map([
    ...parts.map(({ name, sdl }) => [`${name}.graphql`, `${sdl.trim()}\n`] as const),
    ['supergraph.graphql', `${supergraphSdl.trim()}\n`] as const,
    ['database.sql', await databaseSql(subgraphs)] as const,
  ]);
}
