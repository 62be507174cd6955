import { setImmediate as nextTurn } from 'node:timers/promises';
import { stripIgnoredCharacters } from 'graphql';
import { z } from 'zod';

/** The operations that clients were built with. */
export interface OperationList {
  bodyOf(id: string): string | undefined;
  /** Whether the list has this very text. */
  has(text: string): boolean;
  /** Whether the list has a text that differs in white space, commas and comments only. */
  hasLike(compact: string): boolean;
  readonly bodies: readonly string[];
}

export const noOperations: OperationList = {
  bodyOf: () => undefined,
  has: () => false,
  hasLike: () => false,
  bodies: [],
};

const manifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(
    z.object({
      id: z.string().min(1).max(1_024),
      name: z.string().optional(),
      type: z.enum(['query', 'mutation', 'subscription']).optional(),
      body: z.string().min(1),
    }),
  ),
});

/**
 * Reads a manifest in Apollo's format, and gives way to requests meanwhile.
 * Throws when any part of it cannot be used: half a list would refuse clients
 * that are on it.
 */
export async function readManifest(text: string): Promise<OperationList> {
  const { operations } = manifestIn(text);
  const byId = new Map<string, string>();
  const compact = new Set<string>();
  for (const [index, { id, body }] of operations.entries()) {
    if ((byId.get(id) ?? body) !== body) {
      throw new Error(`The manifest has two operations with the id ${JSON.stringify(id)}.`);
    }
    byId.set(id, body);
    compact.add(compactIn(id, body));
    if (index % operationsPerTurn === 0) await nextTurn();
  }
  const bodies = new Set(byId.values());
  return {
    bodyOf: (id) => byId.get(id),
    has: (body) => bodies.has(body),
    hasLike: (body) => compact.has(body),
    bodies: [...bodies],
  };
}

const operationsPerTurn = 20;

function manifestIn(text: string): z.infer<typeof manifest> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error('The manifest is not valid JSON.', { cause });
  }
  const { success, data, error } = manifest.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new Error(`The manifest cannot be used: ${place} ${issue?.message ?? ''}`);
}

function compactIn(id: string, body: string): string {
  try {
    return stripIgnoredCharacters(body);
  } catch (cause) {
    throw new Error(`The body of the operation ${JSON.stringify(id)} is not GraphQL.`, { cause });
  }
}
