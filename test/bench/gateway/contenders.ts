import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../../infra/root.ts';
import { freePort } from '../../support/product.ts';
import { guildServices, guildSupergraph } from './guild.ts';
import { installedPeer, versionsIn } from './peers.ts';
import { started } from './processes.ts';
import type { Started } from './processes.ts';

/** A gateway under comparison, running. */
export interface Contender extends Started {
  readonly name: ContenderName;
  readonly title: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** Where a contender finds the subgraphs, and may leave files. */
export interface Place {
  readonly folder: string;
  readonly subgraphsPort: number;
}

export const titles = {
  stock: 'Apollo Server + Apollo Gateway',
  mercurius: 'Mercurius gateway, jit',
  hive: 'Hive Gateway, jit',
  'hive-rust': 'Hive Gateway + router-runtime (Rust planner)',
  ours: 'ours: tokens, identities, limits, metrics and traces on',
} as const;

export type ContenderName = keyof typeof titles;
export const contenderNames = Object.keys(titles) as ContenderName[];

/** Starts a gateway, of which what it needs is installed first. */
export async function startContender(name: ContenderName, place: Place): Promise<Contender> {
  const { versions, ...one } = await starts[name](place);
  const [url = '', token] = one.told.split(' ');
  return {
    ...one,
    ...{ name, title: titles[name], url, versions },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

type Start = (place: Place) => Promise<Started & Pick<Contender, 'versions'>>;

const starts: Readonly<Record<ContenderName, Start>> = {
  async stock({ subgraphsPort }) {
    const one = await started({ file: beside('stock.ts'), args: [String(subgraphsPort)] });
    const names = ['@apollo/server', '@apollo/gateway', '@apollo/query-planner', 'graphql'];
    return { ...one, versions: await versionsIn(root, names) };
  },
  async mercurius({ folder, subgraphsPort }) {
    const cwd = await installedPeer('mercurius');
    const file = join(folder, 'services.json');
    await writeFile(file, JSON.stringify(guildServices(subgraphsPort)));
    const args = [file, String(await freePort())];
    const one = await started({ file: join(cwd, 'main.mjs'), args, cwd });
    const names = ['@mercuriusjs/gateway', 'mercurius', 'fastify', 'graphql'];
    return { ...one, versions: await versionsIn(cwd, names) };
  },
  hive: (place) => hive(place, '--jit'),
  'hive-rust': (place) => hive(place, '--hive-router-runtime'),
  async ours({ folder, subgraphsPort }) {
    const { version, scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      readonly version: string;
      readonly scripts: Readonly<Record<string, string>>;
    };
    // With what `npm run start:gateway` tells Node.
    const flags = scripts['start:gateway']?.match(/--\S+/g) ?? [];
    const args = [String(subgraphsPort), folder];
    const one = await started({ flags, file: beside('ours.ts'), args });
    return { ...one, versions: { forge: version, ...(await versionsIn(root, ['graphql'])) } };
  },
};

async function hive({ folder, subgraphsPort }: Place, flag: string): ReturnType<Start> {
  const cwd = await installedPeer('hive');
  // One of its own, since it is loaded anew whenever the file is written.
  const supergraph = join(folder, `supergraph${flag}.graphql`);
  await writeFile(supergraph, guildSupergraph(subgraphsPort));
  const port = String(await freePort());
  const config = ['--config-path', 'gateway.config.mjs', '--host', '127.0.0.1', '--port', port];
  const one = await started({
    file: join(cwd, 'node_modules/@graphql-hive/gateway/dist/bin.js'),
    args: ['supergraph', supergraph, ...config, flag],
    cwd,
    ready: /Listening on (http:\/\/[\d.:]+)/,
  });
  const names = ['@graphql-hive/gateway', '@graphql-hive/router-runtime', 'graphql'];
  return { ...one, told: `${one.told}/graphql`, versions: await versionsIn(cwd, names) };
}

/** A program beside this one, in the same language: source or compiled. */
export function beside(file: string): string {
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return fileURLToPath(new URL(file.replace('.ts', ending), import.meta.url));
}
