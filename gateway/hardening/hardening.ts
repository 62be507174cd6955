import { createHash } from 'node:crypto';
import type { DocumentNode, ExecutionResult } from 'graphql';
import { GraphQLError, Kind, OperationTypeNode, print } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Authority, Demands, Verdict } from '../authz.ts';
import { demandsOf, judge, rejectionsOf } from '../authz.ts';
import type { OverrideChoice } from '../override-labels.ts';
import { chooseOverrides } from '../override-labels.ts';
import type { LoadedSupergraph } from '../supergraph.ts';
import type { SingleOperation } from './document.ts';
import { singleOperation } from './document.ts';
import { takenKeys } from './names.ts';
import type { Changes, Rewritten } from './rewrite.ts';
import { rewrite } from './rewrite.ts';
import { steerableNames } from './selections.ts';
import { shapeOf } from './shape.ts';
import type { Path } from './undo.ts';
import { undo } from './undo.ts';
import { safeVariables } from './variables.ts';
import type { SafeVariables } from './variables.ts';

export interface HardeningOptions {
  readonly authority?: Authority;
  /**
   * What becomes of an operation with fields that its caller may not read:
   * they are null with an error each, or nothing of it is run.
   */
  readonly onRejection?: 'null' | 'refuse';
  /** Labels of `@override` that are on for everybody. */
  readonly overrideLabels?: readonly string[];
}

/** An operation as a client sent it, valid, and who sent it. */
export interface HardeningRequest {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly identity: Identity | undefined;
}

/** What is planned and run in place of a client's operation. */
export interface HardenedOperation {
  readonly document: DocumentNode;
  /** The same for the same text only: what a plan is kept under. */
  readonly key: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  /** The same for callers who may read the same of it. */
  readonly verdict: string;
  /** Which fields are already asked from the subgraph that they move to. */
  readonly overrides: OverrideChoice;
  /** Makes the client's answer of what was executed. */
  readonly restore: (result: ExecutionResult) => ExecutionResult;
}

export interface Hardening {
  /**
   * Makes an operation safe to plan and to run for its caller.
   *
   * Throws a ForgeError when nothing of it may be run. What is found about a
   * document is kept with it; of a request only the caller's rights are looked
   * at.
   */
  harden(request: HardeningRequest): HardenedOperation;
}

export function hardening(loaded: LoadedSupergraph, options: HardeningOptions = {}): Hardening {
  const { onRejection = 'null', authority = {} } = options;
  const known = new WeakMap<DocumentNode, Map<string, Compiled>>();
  const switchedOn = new Set(options.overrideLabels);
  const names = {
    isTaken: takenKeys(loaded.supergraphSchema),
    isSteerable: steerableNames(loaded.ast, loaded.supergraphSchema),
  };
  return {
    harden(request) {
      const compiled = compiledOf(loaded, known, request);
      const verdict = judge(compiled.demands, request.identity, authority);
      const prepared =
        compiled.prepared.get(verdict.key) ?? prepare(loaded, compiled, verdict, names);
      if (compiled.prepared.size >= verdictsMax) compiled.prepared.clear();
      compiled.prepared.set(verdict.key, prepared);
      const refused = refusalOf(request.identity);
      if (prepared.isRefused || (onRejection === 'refuse' && prepared.rejects)) {
        throw new ForgeError(refused.code, refused.message);
      }
      const { shape } = prepared;
      const overrides = chooseOverrides(loaded.overrides, callerOf(request.identity), switchedOn);
      return {
        document: prepared.document,
        key: prepared.key + overrides.key,
        overrides,
        variables: compiled.variables.rename(request.variables),
        verdict: verdict.key,
        restore: (result) =>
          shape ? undo(result, { shape, refusal: (path) => refusalAt(path, refused) }) : result,
      };
    },
  };
}

function callerOf(identity: Identity | undefined): string {
  return identity ? `${identity.tenant}\n${identity.actor.type}\n${identity.actor.id}` : '';
}

/** Callers differ in few ways as far as one document goes; more are not kept. */
const verdictsMax = 64;

interface Compiled {
  readonly single: SingleOperation;
  readonly variables: SafeVariables;
  readonly demands: Demands;
  readonly prepared: Map<string, Prepared>;
}

function compiledOf(
  { schema, rules }: LoadedSupergraph,
  known: WeakMap<DocumentNode, Map<string, Compiled>>,
  { document, operationName }: HardeningRequest,
): Compiled {
  const ofDocument = known.get(document) ?? new Map<string, Compiled>();
  known.set(document, ofDocument);
  const found = ofDocument.get(operationName ?? '');
  if (found) return found;
  const variables = safeVariables(document);
  const single = singleOperation(variables.document, operationName);
  if (!single) throw new Error('An operation that was not resolved');
  const demands = demandsOf(schema, rules, single);
  const compiled: Compiled = { single, variables, demands, prepared: new Map() };
  ofDocument.set(operationName ?? '', compiled);
  return compiled;
}

interface Prepared {
  readonly document: DocumentNode;
  readonly key: string;
  readonly shape: ReturnType<typeof shapeOf>;
  readonly rejects: boolean;
  /** Nothing of it can be run, whatever the rest. */
  readonly isRefused: boolean;
}

function prepare(
  { schema }: LoadedSupergraph,
  { single, demands }: Compiled,
  verdict: Verdict,
  names: Pick<Changes, 'isTaken' | 'isSteerable'>,
): Prepared {
  const rejections = rejectionsOf(demands, verdict);
  const rewritten: Rewritten = rewrite(schema, single, { ...names, ...rejections });
  const { document } = rewritten;
  return {
    document,
    key: createHash('sha256').update(print(document)).digest('base64url'),
    shape: shapeOf(rewritten),
    rejects: rejections.rejected.size > 0,
    isRefused: rejections.rejected.size > 0 && rejectsEvents(single, rejections.rejected),
  };
}

/** A stream of nothing but refusals is not opened. */
function rejectsEvents(
  { operation }: SingleOperation,
  rejected: ReturnType<typeof rejectionsOf>['rejected'],
): boolean {
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return false;
  const onRoot = operation.selectionSet.selections;
  return onRoot.some((selection) => selection.kind !== Kind.FIELD || rejected.has(selection));
}

interface RefusalText {
  readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN';
  readonly message: string;
}

function refusalOf(identity: Identity | undefined): RefusalText {
  return identity
    ? { code: 'FORBIDDEN', message: 'Your token does not allow this.' }
    : { code: 'UNAUTHENTICATED', message: 'This needs a token.' };
}

function refusalAt(path: Path, { code, message }: RefusalText): GraphQLError {
  return new GraphQLError(message, { path, extensions: { code } });
}
