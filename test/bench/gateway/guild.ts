import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph';
import type { GraphQLSchema } from 'graphql';
import { parse } from 'graphql';
import { productName, reviewBody, userName } from './guild-text.ts';
import type { GuildText } from './guild-text.ts';

/** The graph of the Guild's public benchmark of gateways, with data and some arguments of our own. */
const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3",
  import: ["@key", "@external", "@requires", "@provides", "@shareable"])\n`;

const sdl = {
  accounts: `type Query { users: [User] user(id: ID!): User }
    type User @key(fields: "id") { id: ID! name: String username: String @shareable }`,
  inventory: `type Product @key(fields: "upc") { upc: String! weight: Int @external price: Int @external
    inStock: Boolean shippingEstimate: Int @requires(fields: "price weight") }`,
  products: `type Query { topProducts(first: Int = 5): [Product] product(upc: String!): Product }
    type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
  reviews: `type Review @key(fields: "id") { id: ID! body: String
      author: User @provides(fields: "username") product: Product }
    type User @key(fields: "id") { id: ID! username: String @external
      reviews(first: Int): [Review] }
    type Product @key(fields: "upc") { upc: String! reviews(first: Int): [Review] }`,
};

export type GuildSubgraph = keyof typeof sdl;
export const guildSubgraphs = Object.keys(sdl) as GuildSubgraph[];

interface Reference {
  readonly id: string;
  readonly upc: string;
  readonly price: number;
  readonly weight: number;
}

interface First {
  readonly first?: number | null;
}

type Resolvers = Record<GuildSubgraph, Record<string, Record<string, unknown>>>;

function resolvers(text: GuildText): Resolvers {
  const users = Array.from({ length: 6 }, (_, index) => ({
    id: String(index + 1),
    name: userName(text, index),
    username: `${userName(text, index).toLowerCase()}-${index + 1}`,
  }));
  const products = Array.from({ length: 9 }, (_, index) => ({
    upc: String(index + 1),
    name: productName(text, index),
    price: 100 * (index + 1),
    weight: 50 * (index + 1),
  }));
  const reviews = Array.from({ length: 11 }, (_, index) => ({
    id: String(index + 1),
    body: reviewBody(text, index),
    author: { id: String((index % 2) + 1), username: users[index % 2]?.username },
    product: { upc: String((index % 4) + 1) },
  }));
  const user = ({ id }: Reference) => users.find((one) => one.id === id);
  const product = ({ upc }: Reference) => products.find((one) => one.upc === upc);
  return {
    accounts: {
      Query: { users: () => users, user: (_: unknown, told: Reference) => user(told) },
      User: { __resolveReference: user },
    },
    inventory: {
      Product: {
        __resolveReference: (told: Reference) => told,
        inStock: ({ upc }: Reference) => Number(upc) % 2 === 0,
        shippingEstimate: ({ price, weight }: Reference) => (price > 1_000 ? 0 : weight / 2),
      },
    },
    products: {
      Query: {
        topProducts: (_: unknown, { first }: First) => firstOf(products, first),
        product: (_: unknown, told: Reference) => product(told),
      },
      Product: { __resolveReference: product },
    },
    reviews: {
      User: {
        __resolveReference: (told: Reference) => told,
        reviews: ({ id }: Reference, { first }: First) =>
          firstOf(
            reviews.filter(({ author }) => author.id === id),
            first,
          ),
      },
      Product: {
        __resolveReference: (told: Reference) => told,
        reviews: ({ upc }: Reference, { first }: First) =>
          firstOf(
            reviews.filter((review) => review.product.upc === upc),
            first,
          ),
      },
    },
  };
}

function firstOf<T>(list: readonly T[], first: number | null | undefined): readonly T[] {
  return list.slice(0, first ?? list.length);
}

export function guildSchema(name: GuildSubgraph, text: GuildText): GraphQLSchema {
  return buildSubgraphSchema([
    {
      typeDefs: parse(link + sdl[name]),
      resolvers: resolvers(text)[name] as GraphQLResolverMap<unknown>,
    },
  ]);
}

/** The supergraph, with its subgraphs behind one port. */
export function guildSupergraph(subgraphsPort: number): string {
  const { supergraphSdl, errors } = composeServices(
    guildSubgraphs.map((name) => ({
      name,
      url: `http://127.0.0.1:${subgraphsPort}/${name}`,
      typeDefs: parse(link + sdl[name]),
    })),
  );
  if (supergraphSdl === undefined) throw new Error(errors.map(({ message }) => message).join('\n'));
  return supergraphSdl;
}

/** What Mercurius puts together by itself, in the words of Federation 1. */
export function guildServices(subgraphsPort: number): object[] {
  return guildSubgraphs.map((name) => ({
    name,
    url: `http://127.0.0.1:${subgraphsPort}/${name}`,
    mandatory: true,
    schema: inFederation1(sdl[name]),
  }));
}

/** What another subgraph owns is extended there, and the key is external. */
function inFederation1(text: string): string {
  return text
    .replace('type Query', 'extend type Query')
    .replaceAll(' @shareable', '')
    .replace(
      /type (User|Product) (@key\(fields: "\w+"\)) \{ (\w+: \w+!)(?! name)/g,
      'extend type $1 $2 { $3 @external',
    );
}
