/** The members of a GraphQL request, as every transport carries them. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown> | undefined;
  /** The hash under which the text is to be found from now on. */
  readonly registers?: string;
}

/** What a client sent: a text, an id in its place, or both to register the text. */
export interface ReceivedOperation {
  readonly query: string | undefined;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown> | undefined;
  /** The id is undefined when one was sent in a form that is not understood. */
  readonly persisted: { readonly id: string | undefined } | undefined;
}

/** Reads the members of a request. Undefined when it has neither a text nor an id. */
export function receivedOperation(from: unknown): ReceivedOperation | undefined {
  if (!isRecord(from)) return undefined;
  const { operationName, variables } = from;
  const persisted = persistedIn(from);
  // A protocol that asks for a text has it empty beside an id.
  const query = persisted && from['query'] === '' ? undefined : from['query'];
  if (typeof query !== 'string' && !(persisted && query == null)) return undefined;
  return {
    query: typeof query === 'string' ? query : undefined,
    operationName: typeof operationName === 'string' ? operationName : undefined,
    variables: isRecord(variables) ? variables : undefined,
    persisted,
  };
}

/** Whether every member of a request is what it has to be, so far as it is there. */
export function isWellFormed(from: unknown): boolean {
  if (!isRecord(from)) return false;
  const { operationName, variables, extensions } = from;
  return (
    (operationName == null || typeof operationName === 'string') &&
    (variables == null || isRecord(variables)) &&
    (extensions == null || isRecord(extensions))
  );
}

/** Apollo's extension, or the `documentId` of GraphQL over HTTP. */
function persistedIn({
  extensions,
  documentId,
}: Record<string, unknown>): ReceivedOperation['persisted'] {
  if (isRecord(extensions) && extensions['persistedQuery'] != null) {
    const given = extensions['persistedQuery'];
    const { version, sha256Hash } = isRecord(given) ? given : {};
    return { id: version === 1 && typeof sha256Hash === 'string' ? sha256Hash : undefined };
  }
  if (documentId == null) return undefined;
  if (typeof documentId !== 'string') return { id: undefined };
  return {
    id: documentId.startsWith(hashPrefix) ? documentId.slice(hashPrefix.length) : documentId,
  };
}

const hashPrefix = 'sha256:';

/** The members of a request that came with an id, with the text in the id's place. */
export function withText(from: Record<string, unknown>, query: string): Record<string, unknown> {
  const { documentId: _documentId, extensions, ...members } = from;
  if (!isRecord(extensions)) return { ...members, query };
  const { persistedQuery: _persistedQuery, ...others } = extensions;
  return { ...members, query, ...(Object.keys(others).length > 0 ? { extensions: others } : {}) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
