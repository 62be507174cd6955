import type { FormattedExecutionResult } from 'graphql';

/** What is told beside a result, to one reader or to all. */
export interface Notices {
  /** Results that were made and never reached this reader. */
  readonly gap?: { readonly dropped: number };
  /** When the token ends; told when that is near. */
  readonly tokenExpiresAt?: string;
  /** What a new token is to be sent for. */
  readonly streamId?: string;
}

/**
 * One result on its way to any number of readers: it is turned into text once,
 * and into the bytes of each protocol once.
 */
export class Delivery {
  /** Of an entity, its name: a later state of it takes the place of an earlier one. */
  readonly entity: string | undefined;
  readonly json: string;
  readonly hasErrors: boolean;
  readonly #extensions: object | undefined;
  readonly #members: string;
  readonly #bytes = new Map<unknown, Buffer>();

  constructor({ extensions, ...rest }: FormattedExecutionResult, entity?: string) {
    this.entity = entity;
    this.hasErrors = rest.errors !== undefined;
    this.#extensions = extensions;
    this.#members = JSON.stringify(rest).slice(0, -1);
    this.json = extensions ? this.#with(extensions) : `${this.#members}}`;
  }

  /** The text for one reader, who is told something more. */
  jsonWith(notices: Notices | undefined): string {
    return notices ? this.#with({ ...this.#extensions, ...notices }) : this.json;
  }

  /** What a protocol makes of the text, made at the first call for each key. */
  bytes(key: unknown, make: (json: string) => Buffer): Buffer {
    const known = this.#bytes.get(key);
    if (known) return known;
    const made = make(this.json);
    this.#bytes.set(key, made);
    return made;
  }

  #with(extensions: object): string {
    return `${this.#members},"extensions":${JSON.stringify(extensions)}}`;
  }
}
