import type { ExecutionResult } from 'graphql';
import type { SubgraphClient } from '../subgraph-client/subgraph-client.ts';

/** The `cache-control` of answers that came with one, for as long as they live. */
const headers = new WeakMap<ExecutionResult, string>();

/** Remembers with which `cache-control` a subgraph's answer came. */
export function noteCacheControl(result: ExecutionResult, header: unknown): void {
  if (typeof header === 'string') headers.set(result, header);
}

/** Subgraphs that tell the policy of the answer, where there is one, what their own part allows. */
export function tellingPolicy(
  clients: ReadonlyMap<string, SubgraphClient>,
): ReadonlyMap<string, Pick<SubgraphClient, 'execute'>> {
  const telling = (client: SubgraphClient): Pick<SubgraphClient, 'execute'> => ({
    async execute(request, scope) {
      const result = await client.execute(request, scope);
      scope.policy?.answered(headers.get(result));
      return result;
    },
  });
  return new Map([...clients].map(([name, client]) => [name, telling(client)]));
}
