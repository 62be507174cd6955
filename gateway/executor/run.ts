import type { ExecutionResult } from 'graphql';
import { GraphQLError } from 'graphql';
import type { GraphRequest } from '../subgraph-client/subgraph-client.ts';
import type { IsAbstract } from './paths.ts';
import { locate, objectsAt } from './paths.ts';
import type { Representations } from './representations.ts';
import { lacking } from './representations.ts';
import type { EntitiesPart, Part, Place, PlannedRequest } from './requests.ts';
import { renamedPath } from './rewrites.ts';
import type { Grow, PathSegment, Tree } from './tree.ts';
import { copyOf, isTree, setAt } from './tree.ts';
import type { SubgraphError, Troubles } from './troubles.ts';

/** Asks one subgraph; throws when there is no answer. */
export type Ask = (subgraph: string, request: GraphRequest) => Promise<ExecutionResult>;

/** One execution of an operation. */
export interface Execution {
  readonly root: Tree;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly troubles: Troubles;
  readonly ask: Ask;
  readonly grow: Grow;
  readonly isAbstract: IsAbstract;
  /** The root fields that must not be null. */
  readonly required: ReadonlySet<string>;
  /** A mutation that must not be null has failed: those after it do not happen. */
  stopped: boolean;
}

/**
 * Makes the requests of a plan, each as soon as those it needs are answered.
 * A subgraph that fails leaves its part of the tree empty, and the rest goes on.
 */
export async function run(
  requests: readonly PlannedRequest[],
  execution: Execution,
  seed?: ExecutionResult,
): Promise<void> {
  const done: Promise<void>[] = [];
  for (const [index, request] of requests.entries()) {
    const make = (): Promise<void> => {
      if (execution.stopped) return Promise.resolve();
      if (seed && index === 0) return answeredRoot(request, seed, execution);
      return request.kind === 'root'
        ? askRoot(request, execution)
        : askEntities(request, execution);
    };
    const [first, ...more] = request.after.map((earlier) => done[earlier]);
    done.push(
      first ? (more.length > 0 ? Promise.all([first, ...more]) : first).then(make) : make(),
    );
  }
  await Promise.all(done);
}

async function askRoot(request: PlannedRequest, execution: Execution): Promise<void> {
  const { root } = request;
  if (!root || targetsOf(root, execution).length === 0) return;
  let answer: ExecutionResult;
  try {
    answer = await execution.ask(request.subgraph, graphRequest(request, execution.variables));
  } catch (cause) {
    failed(root, cause, execution);
    execution.stopped ||= isFatal(request, execution);
    return;
  }
  await answeredRoot(request, answer, execution);
}

/** Takes in the answer to a request for root fields, or an event that stands for one. */
function answeredRoot(
  request: PlannedRequest,
  { data, errors = [] }: ExecutionResult,
  execution: Execution,
): Promise<void> {
  const { root, subgraph } = request;
  if (!root) return Promise.resolve();
  const { troubles, grow } = execution;
  const located: SubgraphError[] = [];
  for (const error of errors) {
    if (!data && !error.path) failed(root, asFailure(error, subgraph), execution);
    else located.push(error);
  }
  if (!data && errors.length === 0) failed(root, new Error(`${subgraph} gave no data`), execution);
  const [at = []] = located.length > 0 ? placesIn(root, execution) : [];
  for (const error of located) {
    const path = error.path && [...at, ...renamedPath(error.path, root.rewrites)];
    troubles.answered(subgraph, error, path);
  }
  if (!data && located.length > 0) troubles.lost(at, root.fields);
  if (data) {
    root.rewrite(data);
    for (const target of targetsOf(root, execution)) grow(target, data);
  } else {
    execution.stopped ||= isFatal(request, execution);
  }
  return Promise.resolve();
}

function isFatal({ isMutation, root }: PlannedRequest, { required }: Execution): boolean {
  return (
    isMutation && root !== undefined && [...root.fields.keys()].some((key) => required.has(key))
  );
}

function targetsOf(part: Part, { root, isAbstract }: Execution): Tree[] {
  return part.places.flatMap(({ steps }) => objectsAt(root, steps, isAbstract));
}

function placesIn(part: Part, { root, isAbstract }: Execution): PathSegment[][] {
  const paths: PathSegment[][] = [];
  for (const { steps } of part.places) {
    locate(root, steps, isAbstract, (_object, path) => paths.push([...path]));
  }
  return paths;
}

function failed({ places, fields }: Part, cause: unknown, { troubles }: Execution): void {
  for (const { keys } of places) troubles.failed({ cause, keys, fields });
}

/** What a subgraph is sent, with those of the client's variables that are for it. */
export function graphRequest(
  { query, operationName, variables: names }: PlannedRequest,
  variables: Readonly<Record<string, unknown>>,
): GraphRequest & { readonly variables: Record<string, unknown> } {
  const sent: Record<string, unknown> = {};
  for (const name of names) {
    if (Object.hasOwn(variables, name) && variables[name] !== undefined) {
      setAt(sent, name, variables[name]);
    }
  }
  return { query, variables: sent, ...(operationName === undefined ? {} : { operationName }) };
}

/** The entities of one part of a request, and where in its list each is represented. */
interface Batch {
  readonly part: EntitiesPart;
  readonly representations: Representations;
  readonly targets: readonly Targets[];
}

/** The entities at one place; a negative index is that of one without a representation. */
interface Targets {
  readonly place: Place;
  readonly entities: readonly Tree[];
  readonly indices: readonly number[];
}

async function askEntities(request: PlannedRequest, execution: Execution): Promise<void> {
  const found: Found = new Map();
  const batches = request.entities.map((part) => batchOf(part, found, execution));
  const active = batches.filter(({ representations: { list } }) => list.length > 0);
  if (active.length === 0) return;
  const made = graphRequest(request, execution.variables);
  for (const { part, representations } of batches) {
    made.variables[part.variable] = representations.list;
  }
  let answer: ExecutionResult;
  try {
    answer = await execution.ask(request.subgraph, made);
  } catch (cause) {
    for (const { part } of active) failed(part, cause, execution);
    return;
  }
  takeErrors(request, active, answer, execution);
  for (const batch of active) takeEntities(request, batch, answer, execution);
}

/** The objects at the places that parts of one request have in common. */
type Found = Map<string, Tree[]>;

function batchOf(part: EntitiesPart, found: Found, execution: Execution): Batch {
  const { root, isAbstract } = execution;
  const representations = part.represent();
  const targets = part.places.map((place): Targets => {
    const entities = found.get(place.text) ?? objectsAt(root, place.steps, isAbstract);
    found.set(place.text, entities);
    const indices = entities.map((entity) => representations.placeOf(entity));
    return { place, entities, indices };
  });
  const batch = { part, representations, targets };
  takeLacking(batch, execution);
  return batch;
}

/** Entities that cannot be asked about fail, or are lost, as what they lack did. */
function takeLacking(batch: Batch, execution: Execution): void {
  const { part, targets } = batch;
  const { troubles } = execution;
  const short = targets.filter(({ indices }) => indices.includes(lacking));
  if (short.length === 0) return;
  for (const { place } of short) troubles.failedWith(place.keys, part.fields);
  for (const path of standing(batch, lacking, execution)) troubles.lostWith(path, part.fields);
}

/** Puts each error where its entities stand in the response. */
function takeErrors(
  { subgraph }: PlannedRequest,
  batches: readonly Batch[],
  { data, errors = [] }: ExecutionResult,
  execution: Execution,
): void {
  for (const error of errors) {
    const [key, index, ...rest] = error.path ?? [];
    const batch = batches.find(({ part }) => part.responseKey === key);
    if (batch && typeof index === 'number') {
      const path = renamedPath(rest, batch.part.rewrites);
      const isLost = entitiesIn(data, batch.part)?.[index] === null;
      for (const at of standing(batch, index, execution)) {
        execution.troubles.answered(subgraph, error, [...at, ...path]);
        if (isLost) execution.troubles.lost(at, batch.part.fields);
      }
    } else if (batch) {
      failed(batch.part, asFailure(error, subgraph), execution);
    } else if (data) {
      execution.troubles.answered(subgraph, error, undefined);
    } else {
      for (const { part } of batches) failed(part, asFailure(error, subgraph), execution);
    }
  }
}

/** The entities in an answer; undefined when it holds no list of them. */
function entitiesIn(data: ExecutionResult['data'], part: EntitiesPart): unknown[] | undefined {
  const answered: unknown = data?.[part.responseKey];
  return Array.isArray(answered) ? answered : undefined;
}

/** The places in the response of the entities that share a representation. */
function standing(
  { targets }: Batch,
  index: number,
  { root, isAbstract }: Execution,
): PathSegment[][] {
  const paths: PathSegment[][] = [];
  for (const { place, entities, indices } of targets) {
    const alike = new Set(entities.filter((_, target) => indices[target] === index));
    if (alike.size === 0) continue;
    locate(root, place.steps, isAbstract, (entity, path) => {
      if (alike.has(entity)) paths.push([...path]);
    });
  }
  return paths;
}

function takeEntities(
  { subgraph }: PlannedRequest,
  { part, representations, targets }: Batch,
  { data, errors }: ExecutionResult,
  execution: Execution,
): void {
  const answered = entitiesIn(data, part);
  if (answered?.length !== representations.list.length) {
    const isTold = errors !== undefined && errors.length > 0;
    if (!isTold) failed(part, new Error(`${subgraph} gave no list of the entities`), execution);
    return;
  }
  const rewritten = new Set<unknown>();
  for (const { place, entities, indices } of targets) {
    const isOwn = targets.length > 1 && place.grows;
    entities.forEach((entity, target) => {
      const given: unknown = answered[indices[target] ?? lacking];
      if (!isTree(given)) return;
      if (part.rewrites && !rewritten.has(given)) {
        rewritten.add(given);
        given['__typename'] ??= entity['__typename'];
        part.rewrite(given);
      }
      execution.grow(entity, isOwn ? (copyOf(given) as Tree) : given);
    });
  }
}

/** An error about the whole of an answer, to be told at each field that is missing. */
function asFailure({ message, extensions }: SubgraphError, subgraph: string): GraphQLError {
  return new GraphQLError(message, { extensions: { ...extensions, serviceName: subgraph } });
}
