import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Tx } from './db.ts';
import { ForgeError } from './errors.ts';
import { readOrMake } from './keys.ts';

/** Where a value stands. A ciphertext that is moved anywhere else does not open. */
export interface Place {
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** Wraps data keys with a key that never leaves it (a KMS, an HSM). */
export interface KeyManagement {
  /** Names the key that wraps from now on. */
  readonly currentKey: string;
  wrap(dataKey: Uint8Array, context: string): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, kmsKey: string, context: string): Promise<Uint8Array>;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const formatVersion = 1;
const headerBytes = 5;
/** What the column holds. A greater number, asked for, would break the transaction. */
const versionMax = 2_147_483_647;
const cachedKeysMax = 1_000;

/** Encrypts what is a tenant's, with keys of the tenant's own. */
export interface TenantCrypto {
  /**
   * Encrypts a value for its place, with AES-256-GCM under the tenant's newest
   * data key. Tenant, place and key version are authenticated with it.
   */
  encrypt(tx: Tx, place: Place, value: Uint8Array): Promise<Buffer>;
  /** Throws PRECONDITION_FAILED for a shredded key, INTERNAL for anything that was tampered with. */
  decrypt(tx: Tx, place: Place, sealed: Uint8Array): Promise<Buffer>;
  /** Makes a new data key: values are encrypted with it from now on, older ones still open. */
  rotate(tx: Tx): Promise<number>;
  /** Destroys all data keys of the tenant: nothing that was encrypted opens again, backups included. */
  shred(tx: Tx): Promise<void>;
}

interface DataKeyRow {
  readonly version: number;
  readonly wrapped: Buffer | null;
  readonly kms_key: string;
}

export function tenantCrypto(kms: KeyManagement): TenantCrypto {
  const keys = unwrappedKeys(kms);
  return {
    async encrypt(tx, place, value) {
      const row = (await newestKey(tx)) ?? (await makeKey(tx, kms, 1));
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', await keys.open(tx, row), nonce);
      cipher.setAAD(aadOf(tx.tenant, place, row.version));
      const body = Buffer.concat([cipher.update(value), cipher.final()]);
      const header = Buffer.alloc(headerBytes);
      header.writeUInt8(formatVersion);
      header.writeUInt32BE(row.version, 1);
      return Buffer.concat([header, nonce, cipher.getAuthTag(), body]);
    },
    async decrypt(tx, place, given) {
      const sealed = Buffer.from(given);
      if (sealed.length < headerBytes + nonceBytes + tagBytes || sealed[0] !== formatVersion) {
        throw new ForgeError('INTERNAL', 'This is not an encrypted value.');
      }
      const version = sealed.readUInt32BE(1);
      const row = version > versionMax ? undefined : await keyOfVersion(tx, version);
      if (!row) throw new ForgeError('INTERNAL', 'The key of this value is unknown.');
      const bodyAt = headerBytes + nonceBytes + tagBytes;
      const nonce = sealed.subarray(headerBytes, headerBytes + nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', await keys.open(tx, row), nonce);
      decipher.setAAD(aadOf(tx.tenant, place, version));
      decipher.setAuthTag(sealed.subarray(headerBytes + nonceBytes, bodyAt));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(bodyAt)), decipher.final()]);
      } catch (cause) {
        throw new ForgeError('INTERNAL', 'This value was changed or moved.', { cause });
      }
    },
    async rotate(tx) {
      const newest = await newestKey(tx);
      return (await makeKey(tx, kms, (newest?.version ?? 0) + 1)).version;
    },
    async shred(tx) {
      await tx.query(
        `update data_key set wrapped = null, shredded_at = now()
         where tenant_id = $1 and shredded_at is null`,
        [tx.tenant],
      );
      keys.forget(tx.tenant);
    },
  };
}

/**
 * Data keys as this process holds them. They are known by their wrapped bytes: a
 * key whose transaction was rolled back is not taken for the one of the same
 * version that was made in its place.
 */
function unwrappedKeys(kms: KeyManagement) {
  const unwrapped = new Map<string, Uint8Array>();
  return {
    async open(tx: Tx, { version, wrapped, kms_key: kmsKey }: DataKeyRow): Promise<Uint8Array> {
      if (!wrapped) {
        throw new ForgeError('PRECONDITION_FAILED', 'What was stored here has been destroyed.');
      }
      const name = `${tx.tenant}/${wrapped.toString('base64')}`;
      const known = unwrapped.get(name);
      if (known) return known;
      const key = await kms.unwrap(wrapped, kmsKey, contextOf(tx.tenant, version));
      if (unwrapped.size >= cachedKeysMax) unwrapped.clear();
      unwrapped.set(name, key);
      return key;
    },
    forget(tenant: string): void {
      for (const name of unwrapped.keys()) {
        if (name.startsWith(`${tenant}/`)) unwrapped.delete(name);
      }
    },
  };
}

async function newestKey(tx: Tx): Promise<DataKeyRow | undefined> {
  const [row]: DataKeyRow[] = await tx.query(
    `select version, wrapped, kms_key from data_key
     where tenant_id = $1 order by version desc limit 1`,
    [tx.tenant],
  );
  return row;
}

async function keyOfVersion(tx: Tx, version: number): Promise<DataKeyRow | undefined> {
  const [row]: DataKeyRow[] = await tx.query(
    'select version, wrapped, kms_key from data_key where tenant_id = $1 and version = $2',
    [tx.tenant, version],
  );
  return row;
}

/** Two that make the same version at once end up with one key: the first that commits. */
async function makeKey(tx: Tx, kms: KeyManagement, version: number): Promise<DataKeyRow> {
  const wrapped = await kms.wrap(randomBytes(keyBytes), contextOf(tx.tenant, version));
  await tx.query(
    `insert into data_key (tenant_id, version, wrapped, kms_key) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [tx.tenant, version, wrapped, kms.currentKey],
  );
  const row = await keyOfVersion(tx, version);
  if (!row) throw new Error('A data key that was just made is gone.');
  return row;
}

function contextOf(tenant: string, version: number): string {
  return JSON.stringify([tenant, version]);
}

function aadOf(tenant: string, { table, column, row }: Place, version: number): Buffer {
  return Buffer.from(JSON.stringify([tenant, table, column, row, version]));
}

/**
 * Key management for development: the wrapping key is a file. It refuses to be
 * used in production, where the wrapping key must be out of the reach of this
 * process.
 */
export function fileKeyManagement(options: {
  readonly dataDir: string;
  readonly production: boolean;
}): KeyManagement {
  if (options.production) {
    throw new ForgeError('INTERNAL', 'Keys in a file are for development only. Configure a KMS.');
  }
  const path = join(options.dataDir, 'kms-key');
  const root = Buffer.from(
    readOrMake(path, () => randomBytes(keyBytes).toString('base64')),
    'base64',
  );
  return {
    currentKey: 'file:1',
    wrap(dataKey, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', root, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(dataKey), cipher.final()]);
      return Promise.resolve(Buffer.concat([nonce, cipher.getAuthTag(), body]));
    },
    unwrap(wrapped, kmsKey, context) {
      if (kmsKey !== 'file:1') {
        return Promise.reject(new ForgeError('INTERNAL', `There is no key ${kmsKey} here.`));
      }
      const sealed = Buffer.from(wrapped);
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', root, nonce);
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      const body = sealed.subarray(nonceBytes + tagBytes);
      return Promise.resolve(Buffer.concat([decipher.update(body), decipher.final()]));
    },
  };
}
