import { createHash } from 'node:crypto';
import type { DocumentNode } from 'graphql';
import { stripIgnoredCharacters } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { Log } from '../../subgraphs/shared/log.ts';
import type { CacheStats } from '../caching/kept.ts';
import { Shares } from '../caching/shares.ts';
import type { TextSource } from '../watched-file.ts';
import type { FollowedList } from './followed-list.ts';
import { followedList } from './followed-list.ts';
import type { OperationList } from './operation-list.ts';
import * as refusals from './persisted-refusals.ts';
import type { OperationRequest, ReceivedOperation } from './received.ts';

/** What becomes of an operation that is not on the list. */
export const safelistModes = ['off', 'log-only', 'safelist', 'ids-only'] as const;
/**
 * `off` runs it, `log-only` runs it and tells of it, `safelist` refuses it, and
 * `ids-only` refuses every text, that of a listed operation too.
 */
export type SafelistMode = (typeof safelistModes)[number];

export interface PersistedOptions {
  readonly mode: SafelistMode;
  /** Where the list comes from, in Apollo's format; undefined for an empty one. */
  readonly manifest: TextSource | undefined;
  readonly log: Log;
  /** An operation that is not on the list came. */
  readonly unlisted: (outcome: 'run' | 'refused') => void;
}

/** Operations that clients name instead of sending them. */
export interface PersistedOperations {
  /**
   * The text of what a client sent, whether it came as a text or as an id.
   * Throws a PersistedRefusal when there is none, or when it may not be sent so.
   */
  resolve(received: ReceivedOperation, identity: Identity | undefined): OperationRequest;
  /**
   * Lets a text that keeps all limits through when it may be run, and registers
   * it when its client asked for that. Throws a PersistedRefusal when not.
   */
  admit(request: OperationRequest, document: DocumentNode, identity: Identity | undefined): void;
  /** Whether a text is one of the list as it is: nobody has to pay for its being new. */
  lists(query: string): boolean;
  readonly list: FollowedList;
  /** Of the texts that clients have registered. */
  readonly registered: CacheStats;
}

/**
 * Keeps the texts that clients register by their hashes, and the list of those
 * that were registered at their building.
 *
 * Who registers a text registers it for its own tenant: a hash says nothing about
 * whether others know it, and a flood of texts takes room from its own tenant
 * (see Shares). Where only listed operations may run nothing is registered. A
 * newer list takes the place of the last as a whole; one that cannot be used is
 * told in the log and changes nothing.
 */
export async function persistedOperations(options: PersistedOptions): Promise<PersistedOperations> {
  const { mode, manifest, log } = options;
  const registered = new Shares<{ readonly query: string }>(registeredBytesMax);
  const registers = mode === 'off' || mode === 'log-only';
  const list = await followedList(manifest, log);
  const check = safelist(options);
  return {
    registered,
    list,
    lists: (query) => list.current.has(query),
    resolve({ persisted, query, operationName, variables }, identity) {
      if (!persisted) {
        if (mode === 'ids-only') throw refusals.idRequired();
        return { query: query ?? '', operationName, variables };
      }
      const { id } = persisted;
      if (id === undefined) throw refusals.badExtension();
      const listed = list.current.bodyOf(id);
      if (query === undefined) {
        const known = listed ?? registered.get(identity?.tenant ?? '', id)?.query;
        if (known !== undefined) return { query: known, operationName, variables };
        throw registers ? refusals.notFound() : refusals.notInList(id);
      }
      if (mode === 'ids-only') throw refusals.idAndText();
      if (listed === undefined ? sha256(query) !== id : listed !== query) throw refusals.mismatch();
      const isNew = registers && listed === undefined;
      return { query, operationName, variables, ...(isNew ? { registers: id } : {}) };
    },
    admit({ query, registers: id }, document, identity) {
      check?.(list.current, query, document);
      if (id === undefined) return;
      registered.set(identity?.tenant ?? '', id, { query }, 2 * query.length + bytesPerText);
    },
  };
}

/** Texts of all tenants together. */
const registeredBytesMax = 16 * 1_048_576;

/** What keeping a text takes besides the text. */
const bytesPerText = 300;

type Check = (list: OperationList, query: string, document: DocumentNode) => void;

/** Undefined when every text may be run and nobody wants to know of it. */
function safelist({ mode, log, unlisted }: PersistedOptions): Check | undefined {
  if (mode === 'off' || mode === 'ids-only') return undefined;
  const judged = new WeakMap<DocumentNode, { readonly list: OperationList; isListed: boolean }>();
  const judge = (list: OperationList, query: string): boolean => {
    const isListed = list.hasLike(stripIgnoredCharacters(query));
    if (!isListed && mode === 'log-only') {
      const text = query.slice(0, loggedCharactersMax);
      log.info({ sha256: sha256(query), text }, 'an operation is not on the list');
    }
    return isListed;
  };
  return (list, query, document) => {
    if (list.has(query)) return;
    const known = judged.get(document);
    const isListed = known?.list === list ? known.isListed : judge(list, query);
    if (known?.list !== list) judged.set(document, { list, isListed });
    if (isListed) return;
    unlisted(mode === 'safelist' ? 'refused' : 'run');
    if (mode === 'safelist') throw refusals.notInSafelist();
  };
}

const loggedCharactersMax = 2_000;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
