import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { freshDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { fileKeyManagement, tenantCrypto } from './crypto.ts';
import type { KeyManagement, Place } from './crypto.ts';
import type { Tx } from './db.ts';

const place: Place = { table: 'connection', column: 'secret', row: 'con_1' };
const secret = Buffer.from('a partner’s password');

let folder: string;
let db: TestDatabase;
let kms: KeyManagement;
let tenants = 0;
/** A tenant that has no key yet. */
let tenant: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forge-crypto-'));
  kms = fileKeyManagement({ dataDir: folder, production: false });
  db = await freshDatabase({ name: 'vault', entities: [], migrations: [] });
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  tenants += 1;
  tenant = `tenant-${String(tenants)}`;
});

const within = <T>(work: (tx: Tx) => Promise<T>, of = tenant): Promise<T> => db.tx(of, work);
const versionOf = (sealed: Buffer): number => sealed.readUInt32BE(1);
const tampered = { code: 'INTERNAL' };

describe('an encrypted value', () => {
  it('opens where it stands, in any process that reaches the key management', async () => {
    const sealed = await within((tx) => tenantCrypto(kms).encrypt(tx, place, secret));
    const opened = await within((tx) => tenantCrypto(kms).decrypt(tx, place, sealed));
    expect(opened).toEqual(secret);
    const restarted = tenantCrypto(fileKeyManagement({ dataDir: folder, production: false }));
    expect(await within((tx) => restarted.decrypt(tx, place, sealed))).toEqual(secret);
  });

  it('opens as it was, whatever it was', async () => {
    const crypto = tenantCrypto(kms);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (value) => {
        const opened = await within(async (tx) =>
          crypto.decrypt(tx, place, await crypto.encrypt(tx, place, value)),
        );
        expect(new Uint8Array(opened)).toEqual(value);
      }),
      { numRuns: 25 },
    );
  });

  it('tells nothing of what it holds, nor that two of them hold the same', async () => {
    const crypto = tenantCrypto(kms);
    const [one, two] = await within((tx) =>
      Promise.all([crypto.encrypt(tx, place, secret), crypto.encrypt(tx, place, secret)]),
    );
    expect(one.includes(secret)).toBe(false);
    expect(one.subarray(5).equals(two.subarray(5))).toBe(false);
  });

  it.each<[string, Place]>([
    ['another row', { ...place, row: 'con_2' }],
    ['another column', { ...place, column: 'note' }],
    ['another table', { ...place, table: 'account' }],
    ['a place whose names run together alike', { ...place, table: 'connectionsecret', column: '' }],
  ])('does not open when it was moved to %s', async (_name, other) => {
    const crypto = tenantCrypto(kms);
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    await expect(within((tx) => crypto.decrypt(tx, other, sealed))).rejects.toMatchObject(tampered);
  });

  it('does not open for another tenant, though that one has a key of the same version', async () => {
    const crypto = tenantCrypto(kms);
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    const other = `${tenant}-other`;
    await expect(within((tx) => crypto.decrypt(tx, place, sealed), other)).rejects.toMatchObject({
      ...tampered,
      message: 'The key of this value is unknown.',
    });
    await within((tx) => crypto.encrypt(tx, place, secret), other);
    await expect(within((tx) => crypto.decrypt(tx, place, sealed), other)).rejects.toMatchObject({
      ...tampered,
      message: 'This value was changed or moved.',
    });
  });

  it('does not open under another version of the tenant’s own key', async () => {
    const crypto = tenantCrypto(kms);
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    await within((tx) => crypto.rotate(tx));
    const moved = Buffer.from(sealed);
    moved.writeUInt32BE(2, 1);
    await expect(within((tx) => crypto.decrypt(tx, place, moved))).rejects.toMatchObject(tampered);
  });

  it('does not open when any bit of it was changed, and leaves the transaction in order', async () => {
    const crypto = tenantCrypto(kms);
    await within(async (tx) => {
      const sealed = await crypto.encrypt(tx, place, Buffer.from('four'));
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(crypto.decrypt(tx, place, changed)).rejects.toMatchObject(tampered);
      }
      expect(await crypto.decrypt(tx, place, sealed)).toEqual(Buffer.from('four'));
    });
  });

  it('does not open when it was cut, or is no such value at all', async () => {
    const crypto = tenantCrypto(kms);
    await within(async (tx) => {
      const sealed = await crypto.encrypt(tx, place, secret);
      for (const text of [
        sealed.subarray(0, -1),
        sealed.subarray(0, 32),
        Buffer.alloc(0),
        secret,
      ]) {
        await expect(crypto.decrypt(tx, place, text)).rejects.toMatchObject(tampered);
      }
    });
  });
});

describe('data keys', () => {
  it('of a tenant are one, though the first values are encrypted at once', async () => {
    const processesMax = 5;
    let making = 0;
    const together = Promise.withResolvers<undefined>();
    // Nobody goes on before all of them have found that there is no key.
    const racing: KeyManagement = {
      ...kms,
      async wrap(key, context) {
        making += 1;
        if (making === processesMax) together.resolve(undefined);
        await together.promise;
        return kms.wrap(key, context);
      },
    };
    const processes = Array.from({ length: processesMax }, () => tenantCrypto(racing));
    const sealed = await Promise.all(
      processes.map((crypto) => within((tx) => crypto.encrypt(tx, place, secret))),
    );
    expect(making).toBe(processesMax);
    expect(await keyRows()).toMatchObject([{ version: 1, shredded: false }]);
    const reading = tenantCrypto(kms);
    for (const one of sealed) {
      expect(await within((tx) => reading.decrypt(tx, place, one))).toEqual(secret);
    }
  });

  it('that were rolled back with their transaction encrypt nothing later', async () => {
    const crypto = tenantCrypto(kms);
    const failing = within(async (tx) => {
      await crypto.encrypt(tx, place, secret);
      throw new Error('the rest of the change failed');
    });
    await expect(failing).rejects.toThrow('the rest of the change failed');
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    const restarted = tenantCrypto(kms);
    expect(await within((tx) => restarted.decrypt(tx, place, sealed))).toEqual(secret);
  });

  it('are kept wrapped only, and differ between tenants', async () => {
    const unwrapped: Buffer[] = [];
    const watching: KeyManagement = {
      ...kms,
      wrap: (key, context) => {
        unwrapped.push(Buffer.from(key));
        return kms.wrap(key, context);
      },
    };
    const crypto = tenantCrypto(watching);
    await within((tx) => crypto.encrypt(tx, place, secret));
    await within((tx) => crypto.encrypt(tx, place, secret), `${tenant}-other`);
    expect(unwrapped).toHaveLength(2);
    expect(unwrapped[0]?.equals(unwrapped[1] ?? Buffer.alloc(0))).toBe(false);
    const [row] = await keyRows();
    expect(unwrapped.some((key) => row?.wrapped?.includes(key))).toBe(false);
  });

  it('are asked of the key management once by a process, not for each value', async () => {
    let asked = 0;
    const counting: KeyManagement = {
      ...kms,
      unwrap: (...args) => {
        asked += 1;
        return kms.unwrap(...args);
      },
    };
    const crypto = tenantCrypto(counting);
    for (let n = 0; n < 3; n += 1) await within((tx) => crypto.encrypt(tx, place, secret));
    expect(asked).toBe(1);
  });

  it('are of no use at another version or tenant, even in their own table', async () => {
    const crypto = tenantCrypto(kms);
    await within((tx) => crypto.encrypt(tx, place, secret));
    const stolen = `${tenant}-thief`;
    await db.owner.query(
      `insert into data_key (tenant_id, version, wrapped, kms_key)
       select $2, version, wrapped, kms_key from data_key where tenant_id = $1`,
      [tenant, stolen],
    );
    await expect(within((tx) => crypto.encrypt(tx, place, secret), stolen)).rejects.toThrow();
  });
});

describe('rotate', () => {
  it('encrypts with a new key from then on, and what was encrypted before still opens', async () => {
    const crypto = tenantCrypto(kms);
    const before = await within((tx) => crypto.encrypt(tx, place, secret));
    expect(await within((tx) => crypto.rotate(tx))).toBe(2);
    const after = await within((tx) => crypto.encrypt(tx, place, secret));
    expect([before, after].map(versionOf)).toEqual([1, 2]);
    for (const sealed of [before, after]) {
      expect(await within((tx) => crypto.decrypt(tx, place, sealed))).toEqual(secret);
    }
  });

  it('reaches processes that know the old key', async () => {
    const [one, two] = [tenantCrypto(kms), tenantCrypto(kms)];
    await within((tx) => two.encrypt(tx, place, secret));
    await within((tx) => one.rotate(tx));
    expect(versionOf(await within((tx) => two.encrypt(tx, place, secret)))).toBe(2);
  });

  it('makes the first key where there is none, and one when it is done twice at once', async () => {
    const crypto = tenantCrypto(kms);
    const made = await Promise.all([1, 2].map(() => within((tx) => crypto.rotate(tx))));
    expect(made).toContain(1);
    expect(await keyRows()).toHaveLength(Math.max(...made));
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    expect(await within((tx) => tenantCrypto(kms).decrypt(tx, place, sealed))).toEqual(secret);
  });
});

describe('shred', () => {
  it('destroys everything of the tenant, in every process, and nothing of another one', async () => {
    const [here, there] = [tenantCrypto(kms), tenantCrypto(kms)];
    const other = `${tenant}-other`;
    const kept = await within((tx) => here.encrypt(tx, place, secret), other);
    const old = await within((tx) => here.encrypt(tx, place, secret));
    await within((tx) => here.rotate(tx));
    const newer = await within((tx) => there.encrypt(tx, place, secret));
    await within((tx) => here.shred(tx));
    for (const crypto of [here, there]) {
      for (const sealed of [old, newer]) {
        await expect(within((tx) => crypto.decrypt(tx, place, sealed))).rejects.toMatchObject({
          code: 'PRECONDITION_FAILED',
        });
      }
    }
    expect((await keyRows()).map(({ wrapped }) => wrapped)).toEqual([null, null]);
    expect(await within((tx) => here.decrypt(tx, place, kept), other)).toEqual(secret);
  });

  it('lets nothing be encrypted that could not be read, until there is a new key', async () => {
    const crypto = tenantCrypto(kms);
    await within((tx) => crypto.encrypt(tx, place, secret));
    await within((tx) => crypto.shred(tx));
    await expect(within((tx) => crypto.encrypt(tx, place, secret))).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
    await within((tx) => crypto.rotate(tx));
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    expect(await within((tx) => crypto.decrypt(tx, place, sealed))).toEqual(secret);
  });

  it('destroys nothing when its transaction is rolled back', async () => {
    const crypto = tenantCrypto(kms);
    const sealed = await within((tx) => crypto.encrypt(tx, place, secret));
    const failing = within(async (tx) => {
      await crypto.shred(tx);
      throw new Error('not after all');
    });
    await expect(failing).rejects.toThrow('not after all');
    expect(await within((tx) => crypto.decrypt(tx, place, sealed))).toEqual(secret);
  });
});

describe('keys in a file', () => {
  it('are refused in production, and none is made', () => {
    const dataDir = join(folder, 'production');
    expect(() => fileKeyManagement({ dataDir, production: true })).toThrow('Configure a KMS');
  });

  it('unwrap only what they wrapped, in its context and as it was', async () => {
    const wrapped = await kms.wrap(Buffer.alloc(32, 1), 'a context');
    expect(await kms.unwrap(wrapped, kms.currentKey, 'a context')).toEqual(Buffer.alloc(32, 1));
    const changed = Buffer.from(wrapped);
    changed[20] = (changed[20] ?? 0) ^ 1;
    await expect(async () => kms.unwrap(changed, kms.currentKey, 'a context')).rejects.toThrow();
    await expect(async () => kms.unwrap(wrapped, kms.currentKey, 'another')).rejects.toThrow();
    await expect(kms.unwrap(wrapped, 'aws:key', 'a context')).rejects.toThrow('no key aws:key');
    const other = fileKeyManagement({ dataDir: join(folder, 'other'), production: false });
    await expect(async () => other.unwrap(wrapped, 'file:1', 'a context')).rejects.toThrow();
  });
});

interface KeyRow {
  readonly version: number;
  readonly wrapped: Buffer | null;
  readonly shredded: boolean;
}

async function keyRows(): Promise<KeyRow[]> {
  const { rows } = await db.owner.query<KeyRow>(
    `select version, wrapped, shredded_at is not null as shredded from data_key
     where tenant_id = $1 order by version`,
    [tenant],
  );
  return rows;
}
