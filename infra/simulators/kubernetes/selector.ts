import type { KubeObject } from './objects.ts';

/** Whether an object is meant by `labelSelector` and `fieldSelector`: `a=b`, `a!=b`, `a`, `!a`. */
export function isSelected(object: KubeObject, query: URLSearchParams): boolean {
  const { labels = {}, name, namespace } = object.metadata;
  const fields = { 'metadata.name': name, 'metadata.namespace': namespace ?? '' };
  return (
    termsOf(query.get('labelSelector')).every((term) => holds(term, labels)) &&
    termsOf(query.get('fieldSelector')).every((term) => holds(term, fields))
  );
}

function termsOf(selector: string | null): string[] {
  return (selector ?? '').split(',').filter(Boolean);
}

function holds(term: string, values: Readonly<Record<string, string>>): boolean {
  const [, name = '', operator, value] = /^([^=!]+)(==?|!=)(.*)$/.exec(term) ?? [];
  if (operator === '!=') return values[name] !== value;
  if (operator !== undefined) return values[name] === value;
  return term.startsWith('!') ? !(term.slice(1) in values) : term in values;
}
