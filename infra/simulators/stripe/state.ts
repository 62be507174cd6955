import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { missing } from './errors.ts';

export type Body = Record<string, unknown> & { id: string; object: string; created: number };

export const collections = [
  'payment_intent',
  'charge',
  'refund',
  'dispute',
  'balance_transaction',
  'event',
  'account',
] as const;
export type Collection = (typeof collections)[number];

/** What a key was first used for, and what it gave. */
export interface KeptAnswer {
  readonly request: string;
  readonly status: number | null;
  readonly body: string | null;
}

interface Kept {
  readonly objects: Record<string, Body & { readonly of?: string }>;
  readonly keys: Record<string, KeptAnswer>;
  readonly codes: Record<string, { readonly account: string; used: boolean }>;
  made: number;
}

/** Everything that the double knows, of all accounts; kept in a file if there is one. */
export class State {
  #kept: Kept = { objects: {}, keys: {}, codes: {}, made: 0 };
  readonly #file: string | undefined;
  readonly #owner = new Map<string, string>();
  now: () => Date;

  constructor(file: string | undefined, now: () => Date) {
    this.#file = file;
    this.now = now;
    if (file !== undefined) this.#read(file);
  }

  get keys(): Record<string, KeptAnswer> {
    return this.#kept.keys;
  }

  get codes(): Kept['codes'] {
    return this.#kept.codes;
  }

  get seconds(): number {
    return Math.floor(this.now().getTime() / 1_000);
  }

  /** Ids sort as they were made, which lists are by. */
  newId(prefix: string): string {
    this.#kept.made += 1;
    const count = this.#kept.made.toString(36).padStart(6, '0');
    return `${prefix}_S${count}${randomBytes(6).toString('hex')}`;
  }

  put(account: string, body: Body): Body {
    this.#kept.objects[body.id] = body;
    Object.defineProperty(body, 'of', { value: account, enumerable: false, configurable: true });
    this.#owner.set(body.id, account);
    return body;
  }

  /** Throws Stripe's 404 for what is not there, or is another account's. */
  get(account: string, collection: Collection, id: string): Body {
    const found = this.find(account, collection, id);
    if (!found) throw missing(collection, id);
    return found;
  }

  find(account: string, collection: Collection, id: string): Body | undefined {
    const found = this.#kept.objects[id];
    const isOurs = collection === 'account' || this.#owner.get(id) === account;
    return found?.object === collection && isOurs ? found : undefined;
  }

  /** The newest first. */
  list(account: string, collection: Collection): Body[] {
    return Object.values(this.#kept.objects)
      .filter(({ id, object }) => object === collection && this.#owner.get(id) === account)
      .reverse();
  }

  save(): void {
    if (this.#file === undefined) return;
    mkdirSync(dirname(this.#file), { recursive: true });
    const text = JSON.stringify({ ...this.#kept, owners: [...this.#owner] });
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  #read(file: string): void {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return;
    }
    const { owners, ...kept } = JSON.parse(text) as Kept & { owners: [string, string][] };
    this.#kept = kept;
    for (const [id, account] of owners) this.#owner.set(id, account);
  }
}
