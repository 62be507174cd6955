import { createHmac, timingSafeEqual } from 'node:crypto';
import { ArgsType, Directive, Field, Int, ObjectType } from 'type-graphql';
import type { ClassType } from 'type-graphql';
import type { Context } from './context.ts';
import { badInput, ForgeError } from './errors.ts';
import { Cursor } from './graph.ts';

/** What a row is found again by: the values it is sorted by, the last of them unique. */
export type CursorKey = readonly (string | number)[];

/** Makes and reads the cursors of lists: opaque, signed, good for one tenant and one list. */
export interface CursorSigner {
  seal(list: string, key: CursorKey): string;
  /** Throws INVALID_CURSOR for anything but a cursor of this list. */
  open(list: string, cursor: string): CursorKey;
}

const macLength = 22;

export function cursorSigner(key: Uint8Array, tenant: string): CursorSigner {
  const macOf = (list: string, text: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify(['list', tenant, list, text]))
      .digest('base64url')
      .slice(0, macLength);
  return {
    seal(list, values) {
      const text = JSON.stringify(values);
      return Buffer.from(macOf(list, text) + text).toString('base64url');
    },
    open(list, cursor) {
      const sealed = Buffer.from(cursor, 'base64url').toString();
      const text = sealed.slice(macLength);
      const told = Buffer.from(sealed.slice(0, macLength));
      const right = Buffer.from(macOf(list, text));
      if (told.length === right.length && timingSafeEqual(told, right)) {
        return JSON.parse(text) as CursorKey;
      }
      const message = 'This cursor does not belong to this list.';
      throw new ForgeError('INVALID_CURSOR', message, { field: 'after' });
    },
  };
}

export const pageSizeMax = 100;
const pageSizeDefault = 50;

/** Which part of a list is asked for. */
@ArgsType()
export class ConnectionArgs {
  @Field(() => Int, { defaultValue: pageSizeDefault, description: 'At most 100.' })
  first: number = pageSizeDefault;

  @Field(() => Cursor, { nullable: true, description: 'Goes on after this cursor.' })
  after?: string | null;
}

@Directive('@shareable')
@ObjectType({ description: 'Where a page of a list stands (Relay cursor connections).' })
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Lists are read forwards: whether `after` was given.' })
  hasPreviousPage!: boolean;

  @Field(() => Cursor, { nullable: true })
  startCursor!: string | null;

  @Field(() => Cursor, { nullable: true })
  endCursor!: string | null;
}

export interface ConnectionValue<Node> {
  readonly edges: readonly { readonly node: Node; readonly cursor: string }[];
  readonly pageInfo: PageInfo;
}

/** Makes the graph types of a list of one type: `<Name>Connection` and `<Name>Edge`. */
export function Connection<Node extends object>(
  type: ClassType<Node>,
  name: string = type.name,
): { readonly Connection: ClassType<ConnectionValue<Node>> } {
  @ObjectType(`${name}Edge`)
  class Edge {
    @Field(() => type)
    node!: Node;

    @Field(() => Cursor)
    cursor!: string;
  }

  @ObjectType(`${name}Connection`)
  class ConnectionType implements ConnectionValue<Node> {
    @Field(() => [Edge])
    edges!: Edge[];

    @Field(() => PageInfo)
    pageInfo!: PageInfo;
  }
  return { Connection: ConnectionType };
}

export interface PageQuery {
  /** One more than is shown, so that the end of the list is known. */
  readonly limit: number;
  readonly after: CursorKey | undefined;
}

/**
 * Reads one page of a list, found by the key of the last row seen: rows that
 * come or go meanwhile move no other row to another page.
 */
export async function paginate<Row, Node>(
  ctx: Pick<Context, 'cursors'>,
  list: string,
  { first, after }: ConnectionArgs,
  read: (page: PageQuery) => Promise<readonly Row[]>,
  keyOf: (row: Row) => CursorKey,
  nodeOf: (row: Row) => Node,
): Promise<ConnectionValue<Node>> {
  checkPageSize(first);
  const key = after == null ? undefined : ctx.cursors.open(list, after);
  const rows = await read({ limit: first + 1, after: key });
  const edges = rows
    .slice(0, first)
    .map((row) => ({ node: nodeOf(row), cursor: ctx.cursors.seal(list, keyOf(row)) }));
  return {
    edges,
    pageInfo: pageInfo(edges, rows.length > first, key !== undefined),
  };
}

/** Throws BAD_USER_INPUT for a page of no rows and for one of too many. */
export function checkPageSize(first: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= pageSizeMax) return;
  throw badInput(`"first" must be from 1 to ${String(pageSizeMax)}.`, 'first');
}

export function pageInfo(
  edges: readonly { readonly cursor: string }[],
  hasNextPage: boolean,
  hasPreviousPage: boolean,
): PageInfo {
  return Object.assign(new PageInfo(), {
    hasNextPage,
    hasPreviousPage,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  });
}
