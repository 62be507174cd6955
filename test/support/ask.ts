import { createHash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { permissions } from '../../subgraphs/shared/access.ts';
import type { Actor } from '../../subgraphs/shared/auth.ts';
import { signIdentity } from '../../subgraphs/shared/auth.ts';
import type { Database } from '../../subgraphs/shared/db.ts';
import { mountSubgraph } from '../../subgraphs/shared/host.ts';
import type { Subgraph, SubgraphEndpoint } from '../../subgraphs/shared/host.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import type { Clock } from '../../subgraphs/shared/time.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';

/** Who asks in a test. Without scopes they may do everything. */
export interface Caller {
  readonly tenant: string;
  readonly actor?: Actor;
  readonly scopes?: readonly string[];
}

const keys = { identity: new Uint8Array(32).fill(7) };
const cursorKey = new Uint8Array(32).fill(9);

/** Asks a subgraph as the gateway would, with the caller's identity signed for the operation. */
export function askSubgraph<Deps>(subgraph: Subgraph<Deps>, db: Database) {
  const endpoint = mounted(subgraph, db);
  return async (
    caller: Caller,
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<ExecutionResult> => {
    const { execute } = await endpoint;
    const answer = await execute(
      { query, variables },
      await headersFor(subgraph.name, caller, query),
      AbortSignal.timeout(20_000),
    );
    return plain(answer);
  };
}

/** Subscribes as the gateway would; gives the first results, fewer when the stream ends before. */
export function watchSubgraph<Deps>(subgraph: Subgraph<Deps>, db: Database) {
  const endpoint = mounted(subgraph, db);
  return async (caller: Caller, query: string, count: number): Promise<ExecutionResult[]> => {
    const { subscribe } = await endpoint;
    const leaving = new AbortController();
    const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(20_000)]);
    const headers = await headersFor(subgraph.name, caller, query);
    const results: ExecutionResult[] = [];
    for await (const result of await subscribe({ query }, headers, signal)) {
      results.push(plain(result));
      if (results.length >= count) break;
    }
    leaving.abort();
    return results;
  };
}

function mounted<Deps>(subgraph: Subgraph<Deps>, db: Database): Promise<SubgraphEndpoint> {
  const { clock = systemClock } = subgraph.deps as { readonly clock?: Clock };
  const log = createLog({ level: 'silent' });
  return mountSubgraph(subgraph, { db, identityKeys: keys, cursorKey, clock, log });
}

async function headersFor(
  audience: string,
  { tenant, actor = { type: 'user', id: 'alice' }, scopes = permissions }: Caller,
  query: string,
): Promise<Record<string, string>> {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const operationHash = createHash('sha256').update(query).digest('base64url');
  const identity = { tenant, actor, scopes, expiresAt };
  const signed = await signIdentity(keys, identity, { audience, operationHash });
  return { 'x-forge-identity': signed, 'x-request-id': 'test-request' };
}

/** A result as it travels: without prototypes, and errors as clients see them. */
function plain(result: ExecutionResult): ExecutionResult {
  return JSON.parse(JSON.stringify(result)) as ExecutionResult;
}
