import { describe, expect, it, jest } from '@jest/globals';
import type { Identity } from './auth.ts';
import { createContext } from './context.ts';
import type { Context } from './context.ts';
import type { Database, Tx } from './db.ts';
import { defineLoader } from './loaders.ts';
import { createLog } from './log.ts';

const identity: Identity = {
  tenant: 'acme',
  actor: { type: 'user', id: 'alice' },
  scopes: ['role:viewer'],
  expiresAt: new Date('2030-01-01T00:00:00Z'),
};

function made(change: Partial<Identity> = {}) {
  const lines: string[] = [];
  const tx = jest.fn(async (tenant: string, work: (tx: Tx) => Promise<unknown>) =>
    work({ tenant } as unknown as Tx),
  );
  const db = { name: 'billing', wakeups: {}, tx } as unknown as Database;
  const context = createContext({
    identity: { ...identity, ...change },
    requestId: 'request-1',
    db,
    deps: { rate: 7 },
    cursorKey: new Uint8Array(32),
    clock: { now: () => new Date(0) },
    log: createLog({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    signal: new AbortController().signal,
  });
  return { context, tx, lines };
}

describe('createContext', () => {
  it('says who asks as the identity does, and from nowhere else', () => {
    const { context } = made();
    expect(context).toMatchObject({
      tenant: 'acme',
      actor: identity.actor,
      identity,
      requestId: 'request-1',
      deps: { rate: 7 },
    });
  });

  it('gives no way to another tenant’s tables', async () => {
    const { context, tx } = made();
    expect(await context.db.tx(async ({ tenant }) => tenant)).toBe('acme');
    expect(tx.mock.calls.map(([tenant]) => tenant)).toEqual(['acme']);
    expect(Object.keys(context.db).sort()).toEqual(['name', 'tx', 'wakeups']);
  });

  it('signs cursors for its tenant', () => {
    const cursor = made().context.cursors.seal('jobs', [1]);
    expect(made().context.cursors.open('jobs', cursor)).toEqual([1]);
    const { cursors } = made({ tenant: 'globex' }).context;
    expect(() => cursors.open('jobs', cursor)).toThrow('does not belong');
  });

  it('loads on behalf of itself, each context for its own', async () => {
    const asked: Context[] = [];
    const loader = defineLoader<string, string>('any', async (ctx, keys) => {
      asked.push(ctx as Context);
      return new Map(keys.map((key) => [key, key]));
    });
    const [one, two] = [made().context, made().context];
    await Promise.all([one.load(loader, 'a'), two.load(loader, 'a')]);
    expect(asked[0] === one && asked[1] === two).toBe(true);
  });

  it('logs with the id of the request', () => {
    const { context, lines } = made();
    context.log.info('a line');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ requestId: 'request-1' });
  });
});
