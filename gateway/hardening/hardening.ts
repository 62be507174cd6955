import { createHash } from 'node:crypto';
import type { DocumentNode, ExecutionResult } from 'graphql';
import { GraphQLError, Kind, OperationTypeNode, print } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Authority, Demands, Verdict } from '../authorization/authz.ts';
import { demandsOf, holdingAll, judge, rejectionsOf } from '../authorization/authz.ts';
import type { OverrideChoice } from '../supergraph/override-labels.ts';
import { chooseOverrides } from '../supergraph/override-labels.ts';
import type { OperationCost } from '../demand/cost.ts';
import type { Demand, MeasuredCost } from '../demand/demand.ts';
import type { LoadedSupergraph } from '../supergraph/supergraph.ts';
import { requirementsOf } from './conflicts.ts';
import type { SingleOperation } from './document.ts';
import { singleOperation } from './document.ts';
import { entityKeys } from './entity-keys.ts';
import { merged } from './merge.ts';
import { takenKeys } from './names.ts';
import type { Changes, Rewritten } from './rewrite.ts';
import { rewrite } from './rewrite.ts';
import { steerableNames } from './selections.ts';
import { shapeOf } from './shape.ts';
import type { SplitRules } from './split.ts';
import { splitConflicts } from './split.ts';
import type { Path } from './undo.ts';
import { undo } from './undo.ts';
import { safeVariables } from './variables.ts';
import type { SafeVariables } from './variables.ts';

export interface HardeningOptions {
  /** Without it operations may cost whatever they do. */
  readonly demand?: Demand;
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
  /** Is told what the answer did cost. */
  readonly measured?: (cost: MeasuredCost) => void;
}

/** What is planned and run in place of a client's operation. */
export interface HardenedOperation {
  /** The same object for the same text and labels, for as long as the client's document lives. */
  readonly document: DocumentNode;
  /** The same for the same text and labels only: what a plan is kept under. */
  readonly key: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  /** The same for callers who may read the same of it. */
  readonly verdict: string;
  /** Which fields are already asked from the subgraph that they move to. */
  readonly overrides: OverrideChoice;
  /** What has to be planned and run apart, beside the document; nearly always nothing. */
  readonly apart: readonly OperationPart[];
  /** Makes the client's answer of what was executed: the document, and what is apart, in order. */
  readonly restore: (
    result: ExecutionResult,
    apart?: readonly ExecutionResult[],
  ) => ExecutionResult;
}

export interface ExpectedOperation {
  readonly documents: readonly DocumentNode[];
  readonly overrides: OverrideChoice;
}

export type OperationPart = Pick<HardenedOperation, 'document' | 'key'>;

/** Runs a hardened operation, its parts side by side, and makes the client's answer. */
export async function runHardened(
  hardened: HardenedOperation,
  run: (part: OperationPart) => Promise<ExecutionResult>,
): Promise<ExecutionResult> {
  if (hardened.apart.length === 0) return hardened.restore(await run(hardened));
  const [result, apart] = await Promise.all([run(hardened), Promise.all(hardened.apart.map(run))]);
  return hardened.restore(result, apart);
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
  /** What would be planned for a caller who may read all of a document's one operation. */
  expected(document: DocumentNode): ExpectedOperation;
}

export function hardening(loaded: LoadedSupergraph, options: HardeningOptions = {}): Hardening {
  const { onRejection = 'null', authority = {}, demand } = options;
  const known = new WeakMap<DocumentNode, Map<string, Compiled>>();
  const switchedOn = new Set(options.overrideLabels);
  const requirements = requirementsOf(loaded.ast);
  const split = requirements && { ...loaded, requirements, keys: entityKeys(loaded.ast) };
  const names = {
    isTaken: takenKeys(loaded.supergraphSchema),
    isSteerable: steerableNames(loaded.ast, loaded.supergraphSchema),
  };
  const preparedOf = (compiled: Compiled, verdict: Verdict, overrides: OverrideChoice): Prepared =>
    kept(compiled.prepared, verdict.key + overrides.key, () =>
      prepare(loaded, { ...compiled, verdict, overrides }, names, split),
    );
  return {
    expected(document) {
      const one = { document, operationName: undefined };
      const compiled = compiledOf(loaded, known, one, demand);
      const overrides = chooseOverrides(loaded.overrides, callerOf(undefined), switchedOn);
      const prepared = preparedOf(compiled, holdingAll(compiled.demands), overrides);
      const documents = [prepared, ...prepared.apart].map((part) => part.document);
      return { documents, overrides };
    },
    harden(request) {
      const compiled = compiledOf(loaded, known, request, demand);
      const { cost } = compiled;
      const estimated = cost && demand?.check(cost, request.variables, request.identity?.tenant);
      const verdict = judge(compiled.demands, request.identity, authority);
      const overrides = chooseOverrides(loaded.overrides, callerOf(request.identity), switchedOn);
      const prepared = preparedOf(compiled, verdict, overrides);
      const refused = refusalOf(request.identity);
      if (prepared.isRefused || (onRejection === 'refuse' && prepared.rejects)) {
        throw new ForgeError(refused.code, refused.message);
      }
      const { document, key, apart, shape } = prepared;
      return {
        ...{ document, key, apart, overrides },
        variables: compiled.variables.rename(request.variables),
        verdict: verdict.key,
        restore(result, others = []) {
          const whole = others.length > 0 ? merged(result, others) : result;
          const rules = shape && { shape, refusal: (path: Path) => refusalAt(path, refused) };
          const answer = rules ? undo(whole, rules) : whole;
          if (!cost || !demand || estimated === undefined) return answer;
          const measured = { estimated, actual: cost.actual(answer.data) };
          demand.measured(measured);
          request.measured?.(measured);
          if (!demand.isTold) return answer;
          return { ...answer, extensions: { ...answer.extensions, cost: measured } };
        },
      };
    },
  };
}

function callerOf(identity: Identity | undefined): string {
  return identity ? `${identity.tenant}\n${identity.actor.type}\n${identity.actor.id}` : '';
}

/** Callers differ in few ways as far as one document goes; more are not kept. */
const variantsMax = 64;

interface Compiled {
  readonly cost: OperationCost | undefined;
  readonly single: SingleOperation;
  readonly variables: SafeVariables;
  readonly demands: Demands;
  readonly prepared: Map<string, Prepared>;
}

function compiledOf(
  { schema, rules }: LoadedSupergraph,
  known: WeakMap<DocumentNode, Map<string, Compiled>>,
  { document, operationName }: Pick<HardeningRequest, 'document' | 'operationName'>,
  demand: Demand | undefined,
): Compiled {
  const ofDocument = known.get(document) ?? new Map<string, Compiled>();
  known.set(document, ofDocument);
  const found = ofDocument.get(operationName ?? '');
  if (found) return found;
  const variables = safeVariables(document);
  const single = singleOperation(variables.document, operationName);
  if (!single) throw new Error('An operation that was not resolved');
  const demands = demandsOf(schema, rules, single);
  const original = demand && singleOperation(document, operationName);
  const cost = original && demand.costOf(original);
  const compiled: Compiled = { single, variables, demands, cost, prepared: new Map() };
  ofDocument.set(operationName ?? '', compiled);
  return compiled;
}

function kept<V>(known: Map<string, V>, key: string, make: () => V): V {
  const found = known.get(key);
  if (found) return found;
  if (known.size >= variantsMax) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

interface Prepared extends OperationPart {
  readonly apart: readonly OperationPart[];
  readonly shape: ReturnType<typeof shapeOf>;
  readonly rejects: boolean;
  /** Nothing of it can be run, whatever the rest. */
  readonly isRefused: boolean;
}

function prepare(
  { schema }: LoadedSupergraph,
  { single, demands, verdict, overrides }: Compiled & Variant,
  names: Pick<Changes, 'isTaken' | 'isSteerable'>,
  rules: SplitRules | undefined,
): Prepared {
  const rejections = rejectionsOf(demands, verdict);
  const rewritten: Rewritten = rewrite(schema, single, { ...names, ...rejections });
  const split = rules && splitConflicts(rules, rewritten);
  const main = split?.main ?? rewritten;
  return {
    ...partOf(main.document, overrides),
    apart: split?.apart.map((document) => partOf(document, overrides)) ?? [],
    shape: shapeOf(main),
    rejects: rejections.rejected.size > 0,
    isRefused: rejections.rejected.size > 0 && rejectsEvents(single, rejections.rejected),
  };
}

/** What one document is prepared for. */
interface Variant {
  readonly verdict: Verdict;
  readonly overrides: OverrideChoice;
}

/** A document of its own for each choice of labels: what is kept by it is kept by the choice. */
function partOf(document: DocumentNode, { key: labels }: OverrideChoice): OperationPart {
  const hash = createHash('sha256').update(print(document)).digest('base64url');
  return { document: labels === '' ? document : { ...document }, key: hash + labels };
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
