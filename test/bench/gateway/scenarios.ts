import { contenderNames } from './contenders.ts';
import type { ContenderName } from './contenders.ts';
import type { GuildText } from './guild-text.ts';
import { guildQuery, oneFieldQuery, pageRequests } from './queries.ts';
import type { GraphRequest } from './queries.ts';

/** What is asked, of whom, and how much more than ours it must cost, or may. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Asked in turn. */
  readonly requests: readonly GraphRequest[];
  readonly lanes: readonly Lane[];
  readonly subgraphRequestsMax?: number;
}

/** One gateway over data that says one thing. */
export interface Lane {
  readonly contender: ContenderName;
  readonly text: GuildText;
  /** Bounds of its CPU time over that of ours over plain data. */
  readonly floor?: number;
  readonly ceiling?: number;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'big',
    title: 'the query of the Guild’s benchmark',
    requests: [{ query: guildQuery }],
    lanes: everybody({ stock: 8, mercurius: 6, hive: 5, 'hive-rust': 2 }),
    subgraphRequestsMax: 7,
  },
  {
    name: 'one-field',
    title: 'a query of one field',
    requests: [{ query: oneFieldQuery }],
    lanes: everybody({ stock: 3 }),
    subgraphRequestsMax: 1,
  },
  {
    name: 'page',
    title: 'a query of 5 KB with other variables each time',
    requests: pageRequests(),
    lanes: everybody({}),
  },
  {
    name: 'world',
    title: 'the big query over as many bytes of text outside ASCII, next to plain text',
    requests: [{ query: guildQuery }],
    lanes: [
      { contender: 'stock', text: 'world' },
      { contender: 'ours', text: 'plain' },
      { contender: 'ours', text: 'world', ceiling: 1.3 },
    ],
  },
];

function everybody(floors: Partial<Record<ContenderName, number>>): readonly Lane[] {
  return contenderNames.map((contender) => {
    const floor = floors[contender];
    return { contender, text: 'plain', ...(floor === undefined ? {} : { floor }) };
  });
}
