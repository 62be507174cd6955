import type { DocumentNode, ExecutionResult } from 'graphql';
import { entityKeys } from '../hardening/entity-keys.ts';
import type { EntityKeys } from '../hardening/entity-keys.ts';

/**
 * Names the entity that an event is a state of; undefined when the event is no
 * entity, does not hold its key, or is a fact of its own, as an entry of a log.
 */
export function entityNamer(
  supergraph: DocumentNode,
): (data: ExecutionResult['data']) => string | undefined {
  const keys = keysOf(supergraph);
  return (data) => {
    const [event, ...more] = Object.values(data ?? {});
    if (typeof event !== 'object' || event === null || more.length > 0) return undefined;
    const fields = event as Readonly<Record<string, unknown>>;
    const typename = fields['__typename'];
    if (typeof typename !== 'string') return undefined;
    for (const names of keys.get(typename) ?? []) {
      const values = names.map((name) => fields[name]);
      if (values.every((value) => value != null)) return JSON.stringify([typename, ...values]);
    }
    return undefined;
  };
}

const known = new WeakMap<DocumentNode, EntityKeys>();

function keysOf(supergraph: DocumentNode): EntityKeys {
  const found = known.get(supergraph) ?? entityKeys(supergraph);
  known.set(supergraph, found);
  return found;
}
