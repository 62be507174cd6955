import { parse, print } from 'graphql';

/** What clients ask for. */
export interface GraphRequest {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The query of the Guild's public benchmark of gateways. */
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

export const oneFieldQuery = '{ users { id } }';

const products = 7;
const users = 2;
const variations = 100;

/** A page of five kilobytes as a client writes it, asked for other things each time. */
export function pageRequests(): readonly GraphRequest[] {
  const query = pageQuery();
  return Array.from({ length: variations }, (_, index) => ({
    query,
    variables: {
      reviews: (index % 4) + 1,
      ...named('upc', products, (place) => ((index + place * Math.ceil(index / 9)) % 9) + 1),
      ...named('id', users, (place) => ((index + place) % 6) + 1),
    },
  }));
}

function pageQuery(): string {
  const upcs = numbered(products, (place) => `$upc${place}: String!`);
  const ids = numbered(users, (place) => `$id${place}: ID!`);
  const author = `author { __typename id name username
    reviews(first: $reviews) { __typename id product { __typename upc name inStock price } } }`;
  const ofProduct = `__typename upc name price weight inStock shippingEstimate
    reviews(first: $reviews) { __typename id body ${author} }`;
  const ofUser = `__typename id name username
    reviews(first: $reviews) { __typename id body product { ${ofProduct} } }`;
  const text = `query Page($reviews: Int, ${upcs} ${ids}) {
    ${numbered(products, (place) => `product${place}: product(upc: $upc${place}) { ${ofProduct} }`)}
    ${numbered(users, (place) => `user${place}: user(id: $id${place}) { ${ofUser} }`)}
  }`;
  return print(parse(text));
}

function numbered(count: number, write: (place: number) => string): string {
  return Array.from({ length: count }, (_, place) => write(place)).join('\n');
}

function named(name: string, count: number, value: (place: number) => number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, place) => [`${name}${place}`, String(value(place))]),
  );
}
