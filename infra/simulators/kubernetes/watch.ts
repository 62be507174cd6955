import type { Change, ObjectStore } from './object-store.ts';
import type { Reply } from './reply.ts';
import type { Route } from './resources.ts';
import { isSelected } from './selector.ts';
import { StatusError, expired } from './status.ts';

export interface WatchPace {
  /** Between two bookmarks, for those who allow them. */
  readonly bookmarkMs: number;
}

/**
 * Answers a watch: what happened since the version that is asked from, then
 * what happens, until its time is over. An object that stops being selected is
 * told as deleted.
 */
export function watch(
  store: ObjectStore,
  { resource, namespace }: Route,
  query: URLSearchParams,
  reply: Reply,
  { bookmarkMs }: WatchPace,
): void {
  const from = query.get('resourceVersion') ?? '';
  const isFresh = from === '' || from === '0';
  const isMine = ({ object }: Change): boolean =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    isSelected(object, query);
  const missed = isFresh ? [] : store.since(resource, Number(from));

  reply.head(200, { 'content-type': 'application/json' });
  const tell = (type: string, object: object): void => {
    reply.write(Buffer.from(`${JSON.stringify({ type, object })}\n`));
  };
  if (reply.fault?.kind === 'gone-event') {
    tell('ERROR', expired(`too old resource version: ${from}`).body);
    reply.end();
    return;
  }
  const present = isFresh ? store.list(resource, namespace) : [];
  for (const object of present) if (isSelected(object, query)) tell('ADDED', object);
  for (const change of missed.filter(isMine)) tell(change.type, change.object);

  const off = store.on((change) => {
    if (change.resource === resource && isMine(change)) tell(change.type, change.object);
  });
  const mark = (): void => {
    if (query.get('allowWatchBookmarks') !== 'true') return;
    const metadata = { resourceVersion: String(store.version), creationTimestamp: null };
    tell('BOOKMARK', { kind: resource.kind, apiVersion: resource.apiVersion, metadata });
  };
  const bookmarks = setInterval(mark, bookmarkMs);
  const seconds = Number(query.get('timeoutSeconds') ?? 1_800);
  const over = setTimeout(() => {
    mark();
    reply.end();
  }, seconds * 1_000);
  reply.onClose(() => {
    off();
    clearInterval(bookmarks);
    clearTimeout(over);
  });
}

/** One page of a list, or all of it. Later pages are of the same moment as the first one. */
export function list(
  store: ObjectStore,
  { resource, namespace }: Route,
  query: URLSearchParams,
): object {
  const token = query.get('continue');
  const limit = Number(query.get('limit') ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw new StatusError(400, 'BadRequest', 'limit');
  const { version, items } = token
    ? store.page(token)
    : {
        version: store.version,
        items: store.list(resource, namespace).filter((one) => isSelected(one, query)),
      };
  const page = limit > 0 ? items.slice(0, limit) : items;
  const rest = items.slice(page.length);
  const metadata = {
    resourceVersion: String(version),
    ...(rest.length > 0 && {
      continue: store.keepPage({ version, items: rest }),
      remainingItemCount: rest.length,
    }),
  };
  const { apiVersion, kind } = resource;
  return { kind: `${kind}List`, apiVersion, metadata, items: page };
}
