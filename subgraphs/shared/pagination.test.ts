import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { ConnectionArgs, cursorSigner, paginate } from './pagination.ts';
import type { CursorKey, PageQuery } from './pagination.ts';

const key = new Uint8Array(32).fill(1);
const acme = cursorSigner(key, 'acme');
const jobs = 'jobs';

const cursorKeys = fc.array(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.integer()), {
  minLength: 1,
  maxLength: 3,
});

describe('cursorSigner', () => {
  it('opens what it sealed, whatever the key is made of', () => {
    fc.assert(
      fc.property(cursorKeys, (values) => {
        expect(acme.open(jobs, acme.seal(jobs, values))).toEqual(values);
      }),
    );
  });

  it.each<[string, () => string]>([
    ['of another list', () => acme.seal('approvals', [1])],
    ['of a list whose name goes on', () => acme.seal('jobs2', [1])],
    ['of another tenant', () => cursorSigner(key, 'globex').seal(jobs, [1])],
    ['signed with another key', () => cursorSigner(new Uint8Array(32), 'acme').seal(jobs, [1])],
    ['that is empty', () => ''],
    ['made by hand', () => Buffer.from(JSON.stringify([1])).toString('base64url')],
    ['that is cut', () => acme.seal(jobs, ['a', 1]).slice(0, -4)],
    ['that goes on', () => `${acme.seal(jobs, ['a', 1])}AAAA`],
  ])('refuses a cursor %s as INVALID_CURSOR', (_which, cursor) => {
    expect(() => acme.open(jobs, cursor())).toThrow(
      expect.objectContaining({ code: 'INVALID_CURSOR', field: 'after' }),
    );
  });

  it('refuses any text that it did not seal', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        expect(() => acme.open(jobs, text)).toThrow('does not belong to this list');
      }),
    );
  });

  it('refuses a cursor in which any bit of what it says was changed', () => {
    const sealed = Buffer.from(acme.seal(jobs, ['2026-05-05', 'job_1']), 'base64url');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => acme.open(jobs, changed.toString('base64url'))).toThrow('does not belong');
    }
  });
});

interface Row {
  readonly rank: number;
  readonly id: number;
}
type Rows = readonly Row[];

const keyOf = ({ rank, id }: Row): CursorKey => [rank, id];
const order = (a: Row, b: Row): number => a.rank - b.rank || a.id - b.id;

/** Reads as a query with `where (rank, id) > (…) order by rank, id limit …` does. */
const reading =
  (rows: Rows) =>
  async ({ limit, after }: PageQuery): Promise<Rows> => {
    const [rank, id] = (after ?? []) as number[];
    const rest = rows.toSorted(order).filter((row) => {
      return rank === undefined || id === undefined || order(row, { rank, id }) > 0;
    });
    return rest.slice(0, limit);
  };
const args = (first: number, after: string | null = null): ConnectionArgs =>
  Object.assign(new ConnectionArgs(), { first, after });
const page = (rows: Rows, first: number, after?: string | null) =>
  paginate({ cursors: acme }, jobs, args(first, after), reading(rows), keyOf, (row) => row.id);

const rowSets = fc.uniqueArray(fc.record({ rank: fc.integer({ max: 3 }), id: fc.nat() }), {
  selector: ({ id }) => id,
  maxLength: 40,
});

describe('paginate', () => {
  it('shows every row once, in order, whatever the size of the page', async () => {
    await fc.assert(
      fc.asyncProperty(rowSets, fc.integer({ min: 1, max: 7 }), async (rows, first) => {
        expect(await allPages(() => rows, first)).toEqual(rows.toSorted(order).map(({ id }) => id));
      }),
    );
  });

  it('shows every row that stays once, whatever comes and goes meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        rowSets,
        rowSets,
        fc.integer({ min: 1, max: 5 }),
        async (stay, go, first) => {
          const kept = stay.map(({ rank, id }) => ({ rank, id: id * 2 }));
          const passing = go.map(({ rank, id }) => ({ rank, id: id * 2 + 1 }));
          let turn = 0;
          const now = () => (turn++ % 2 === 0 ? [...kept, ...passing] : kept);
          const shown = await allPages(now, first);
          const seen = shown.filter((id) => id % 2 === 0);
          expect(seen).toEqual(kept.toSorted(order).map(({ id }) => id));
        },
      ),
    );
  });

  it('fills every page but the last, and says on each whether there is a next one', async () => {
    const rows = Array.from({ length: 5 }, (_, id) => ({ rank: 0, id }));
    const first = await page(rows, 2);
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const { endCursor: after } = first.pageInfo;
    const second = await page(rows, 3, after);
    expect(second.edges.map(({ node }) => node)).toEqual([2, 3, 4]);
    expect(second.pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: second.edges[0]?.cursor,
      endCursor: second.edges[2]?.cursor,
    });
  });

  it('shows an empty list as a page without cursors', async () => {
    expect(await page([], 10)).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it.each([0, -1, 101, 1.5, NaN])('refuses a page of %d rows and reads none', async (first) => {
    const read = jest.fn(reading([]));
    await expect(
      paginate({ cursors: acme }, jobs, args(first), read, keyOf, String),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
    expect(read).not.toHaveBeenCalled();
  });

  it('reads one row more than the largest page, and no more', async () => {
    const read = jest.fn(reading([]));
    await paginate({ cursors: acme }, jobs, args(100), read, keyOf, String);
    expect(read).toHaveBeenCalledWith({ limit: 101, after: undefined });
  });

  it('reads nothing after a cursor of another list', async () => {
    const read = jest.fn(reading([]));
    const after = acme.seal('approvals', [0, 1]);
    await expect(
      paginate({ cursors: acme }, jobs, args(1, after), read, keyOf, String),
    ).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
    expect(read).not.toHaveBeenCalled();
  });
});

/** Reads as a client does that goes on until there is no next page; `rows` may change meanwhile. */
async function allPages(rows: () => Rows, first: number): Promise<number[]> {
  const shown: number[] = [];
  for (let after: string | null = null; ;) {
    const { edges, pageInfo } = await page(rows(), first, after);
    shown.push(...edges.map(({ node }) => node));
    if (!pageInfo.hasNextPage) return shown;
    after = pageInfo.endCursor;
  }
}
