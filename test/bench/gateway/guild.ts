import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph';
import type { GraphQLSchema } from 'graphql';
import { parse } from 'graphql';

/** The graph and the query of the Guild's public benchmark of gateways, with data of our own. */
export const guildQuery = `
  fragment User on User { id username name }
  fragment Review on Review { id body }
  fragment Product on Product { inStock name price shippingEstimate upc weight }
  query TestQuery {
    users { ...User reviews { ...Review product { ...Product reviews { ...Review author {
      ...User reviews { ...Review product { ...Product } } } } } } }
    topProducts { ...Product reviews { ...Review author {
      ...User reviews { ...Review product { ...Product } } } } }
  }`;

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3",
  import: ["@key", "@external", "@requires", "@provides", "@shareable"])\n`;

const sdl = {
  accounts: `type Query { users: [User] }
    type User @key(fields: "id") { id: ID! name: String username: String @shareable }`,
  inventory: `type Product @key(fields: "upc") { upc: String! weight: Int @external price: Int @external
    inStock: Boolean shippingEstimate: Int @requires(fields: "price weight") }`,
  products: `type Query { topProducts(first: Int = 5): [Product] }
    type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
  reviews: `type Review @key(fields: "id") { id: ID! body: String
      author: User @provides(fields: "username") product: Product }
    type User @key(fields: "id") { id: ID! username: String @external reviews: [Review] }
    type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
};

export type GuildSubgraph = keyof typeof sdl;
export const guildSubgraphs = Object.keys(sdl) as GuildSubgraph[];

const users = ['Uri', 'Dotan', 'Kamil', 'Arda', 'Denis', 'Laurin'].map((name, index) => ({
  id: String(index + 1),
  name,
  username: `${name.toLowerCase()}-${index + 1}`,
}));

const products = Array.from({ length: 9 }, (_, index) => ({
  upc: String(index + 1),
  name: `Product number ${index + 1}`,
  price: 100 * (index + 1),
  weight: 50 * (index + 1),
}));

const sentence = 'It came on time, it does what it says, and it was worth its price. ';

const reviews = Array.from({ length: 11 }, (_, index) => ({
  id: String(index + 1),
  body: sentence.repeat(3),
  author: { id: String((index % 2) + 1), username: users[index % 2]?.username },
  product: { upc: String((index % 4) + 1) },
}));

interface Reference {
  readonly id: string;
  readonly upc: string;
  readonly price: number;
  readonly weight: number;
}

const resolvers: Record<GuildSubgraph, Record<string, Record<string, unknown>>> = {
  accounts: {
    Query: { users: () => users },
    User: { __resolveReference: ({ id }: Reference) => users.find((user) => user.id === id) },
  },
  inventory: {
    Product: {
      __resolveReference: (told: Reference) => told,
      inStock: ({ upc }: Reference) => Number(upc) % 2 === 0,
      shippingEstimate: ({ price, weight }: Reference) => (price > 1_000 ? 0 : weight / 2),
    },
  },
  products: {
    Query: { topProducts: (_: unknown, { first }: { first: number }) => products.slice(0, first) },
    Product: {
      __resolveReference: ({ upc }: Reference) => products.find((product) => product.upc === upc),
    },
  },
  reviews: {
    User: {
      __resolveReference: (told: Reference) => told,
      reviews: ({ id }: Reference) => reviews.filter(({ author }) => author.id === id),
    },
    Product: {
      __resolveReference: (told: Reference) => told,
      reviews: ({ upc }: Reference) => reviews.filter(({ product }) => product.upc === upc),
    },
  },
};

export function guildSchema(name: GuildSubgraph): GraphQLSchema {
  return buildSubgraphSchema([
    {
      typeDefs: parse(link + sdl[name]),
      resolvers: resolvers[name] as GraphQLResolverMap<unknown>,
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
