import { Supergraph } from '@apollo/federation-internals';
import type { Schema } from '@apollo/federation-internals';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { parse } from 'graphql';
import type { AccessRules } from '../authorization/authz-rules.ts';
import { accessRules } from '../authorization/authz-rules.ts';
import type { OverrideLabel } from './override-labels.ts';
import { overrideLabels } from './override-labels.ts';
import { runnableSdl } from './supergraph-sdl.ts';

export interface Subgraph {
  readonly name: string;
  readonly url: string;
}

/** A composed supergraph, ready for validating, planning and executing. */
export interface LoadedSupergraph {
  /** As the planner needs it: see runnableSdl. */
  readonly sdl: string;
  /** As it was composed. */
  readonly ast: DocumentNode;
  readonly supergraph: Supergraph;
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly apiSchema: Schema;
  readonly supergraphSchema: GraphQLSchema;
  readonly subgraphs: readonly Subgraph[];
  /** What it takes to read which field. */
  readonly rules: AccessRules;
  /** Fields that move from one subgraph to another by and by. */
  readonly overrides: readonly OverrideLabel[];
}

/** Reads a Federation 2 supergraph. Throws when it is not one this gateway can run. */
export function loadSupergraph(composed: string): LoadedSupergraph {
  const ast = parse(composed, { noLocation: true });
  const sdl = runnableSdl(composed, ast);
  const supergraph = Supergraph.build(sdl);
  const apiSchema = supergraph.apiSchema();
  const supergraphSchema = supergraph.schema.toGraphQLJSSchema();
  return {
    sdl,
    ast,
    supergraph,
    apiSchema,
    schema: apiSchema.toGraphQLJSSchema(),
    supergraphSchema,
    subgraphs: supergraph.subgraphsMetadata(),
    rules: accessRules(ast, supergraphSchema),
    overrides: overrideLabels(ast),
  };
}
