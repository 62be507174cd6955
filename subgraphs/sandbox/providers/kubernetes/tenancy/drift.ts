import { quantity } from '../manifests/rules/quantity.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Says how an object on the cluster has to be changed to be as it must be, as a
 * JSON merge patch (RFC 7386). Undefined if it is so already.
 *
 * Of its metadata only our labels and annotations count: others may set theirs.
 * All else must be exactly as we say, and what we do not say must not be there,
 * but for what the cluster itself writes.
 */
export function driftOf(wanted: object, found: object): object | undefined {
  const { metadata: ours = {}, ...must } = wanted as Fields & { metadata?: Fields };
  const { metadata: theirs = {}, ...is } = found as Fields & { metadata?: Fields };
  const metadata = differing(
    { labels: ours['labels'] ?? {}, annotations: ours['annotations'] ?? {} },
    { labels: theirs['labels'] ?? {}, annotations: theirs['annotations'] ?? {} },
    'others may be there',
  );
  const body = differing(
    without(must, ['apiVersion', 'kind']),
    without(is, writtenByCluster(must)),
    'nothing else',
  );
  if (metadata === undefined && body === undefined) return undefined;
  return { ...body, ...(metadata && { metadata }) };
}

/** Of a namespace the finalizers, of everything its kind and its state. */
function writtenByCluster({ kind }: Fields): readonly string[] {
  return ['apiVersion', 'kind', 'status', ...(kind === 'Namespace' ? ['spec'] : [])];
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function differing(
  must: Fields,
  is: Fields,
  rest: 'others may be there' | 'nothing else',
): Fields | undefined {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(must)) {
    if (value === undefined) continue;
    const found = is[name];
    if (isObject(value) && isObject(found)) {
      const inside = differing(value, found, rest);
      if (inside) changes[name] = inside;
    } else if (!isSame(value, found)) changes[name] = value;
  }
  if (rest === 'nothing else') {
    for (const [name, found] of Object.entries(is)) {
      if (must[name] === undefined && !isNothing(found)) changes[name] = null;
    }
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}

function isSame(must: unknown, is: unknown): boolean {
  if (Array.isArray(must) && Array.isArray(is)) {
    return must.length === is.length && must.every((one, n) => isSame(one, is[n]));
  }
  if (isObject(must) && isObject(is)) return differing(must, is, 'nothing else') === undefined;
  // The cluster writes `32000m` as `32`.
  if (typeof must === 'string' && typeof is === 'string') {
    return must === is || quantity(must) === quantity(is);
  }
  return must === is;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
