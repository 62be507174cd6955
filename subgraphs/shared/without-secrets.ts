/** Members whose values never reach a log, wherever they stand, in whatever case. */
const secretNames: ReadonlySet<string> = new Set([
  'authorization',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'apikey',
  'privatekey',
  'connectionstring',
  'databaseurl',
  'cookie',
  'set-cookie',
  'x-forge-identity',
]);

const depthMax = 4;

/**
 * Replaces the members that have the name of a secret, down to four levels.
 * What has none is given back as it is, and nothing that is given is changed.
 *
 * The log's library can do this by paths; with wildcards for every level that
 * took a fifth of the time of a small request.
 */
export function withoutSecrets<T extends object>(value: T): T {
  return cleaned(value, depthMax) as T;
}

function cleaned(value: object, depth: number): object {
  if (Array.isArray(value)) return cleanedList(value as unknown[], depth);
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    const kept = secretNames.has(name.toLowerCase()) ? '[redacted]' : inner(member, depth);
    if (kept === member) continue;
    copy ??= { ...value };
    Object.defineProperty(copy, name, { value: kept, enumerable: true, writable: true });
  }
  return copy ?? value;
}

function cleanedList(list: unknown[], depth: number): unknown[] {
  const copy = list.map((item) => inner(item, depth));
  return copy.some((item, index) => item !== list[index]) ? copy : list;
}

function inner(value: unknown, depth: number): unknown {
  const isLeaf = typeof value !== 'object' || value === null || value instanceof Error;
  return isLeaf || depth <= 1 ? value : cleaned(value, depth - 1);
}
