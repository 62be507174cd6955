import type { BaseContext } from '@apollo/server';
import type { ExecutionContext } from '../subgraph-client/data-source.ts';

/** The context value of every operation that Apollo Server runs. */
export interface ApolloContext extends BaseContext, ExecutionContext {
  /** What the client calls itself. */
  readonly client: string | undefined;
  /** Apollo Server copies the context for each request; this part stays shared with its maker. */
  readonly answer: {
    /** True once the errors of the answer are fit for the client. */
    masked: boolean;
  };
}
