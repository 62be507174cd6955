import { billing } from './billing/index.ts';
import { compliance } from './compliance/index.ts';
import { sandbox } from './sandbox/index.ts';
import type { Config } from './shared/config.ts';
import type { Kernel, Subgraph } from './shared/host.ts';
import { verticals } from './verticals/index.ts';

/** Every subgraph of the product, by its name. */
const makers = { billing, verticals, sandbox, compliance };

export type SubgraphName = keyof typeof makers;
export const subgraphNames = Object.keys(makers) as SubgraphName[];

export function isSubgraphName(name: string): name is SubgraphName {
  return Object.hasOwn(makers, name);
}

export function makeSubgraph(name: SubgraphName, config: Config, kernel: Kernel): Subgraph {
  return makers[name](config, kernel);
}
