import { GraphQLError } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { FieldTree } from './field-tree.ts';
import { hasField } from './field-tree.ts';
import { onOneLine } from './paths.ts';
import type { PathSegment } from './tree.ts';

/** A fetch that gave nothing. Its fields are missing wherever it was to put them. */
export interface Failure {
  readonly cause: unknown;
  readonly keys: readonly string[];
  readonly fields: FieldTree;
}

/** What was to come for one object, and fell to an error that is told. */
interface Loss {
  readonly path: readonly PathSegment[];
  readonly fields: FieldTree;
}

/** More errors than this help nobody, and each costs as much as a thousand fields. */
export const errorsMax = 200;
/** The errors that one failed fetch leaves in the response. */
export const errorsPerFailureMax = 10;

/**
 * What went wrong while an operation ran.
 *
 * Every null that stands for a failure has an error at its place or below it,
 * and no failure is told twice: what a subgraph has told about a field is not
 * told again when the field turns out to be missing.
 */
export class Troubles {
  readonly errors: GraphQLError[] = [];
  readonly #failures: (Failure & { toldTimes: number })[] = [];
  readonly #losses: Loss[] = [];
  #told: ToldPaths | undefined;

  /** An error in a subgraph's answer; without a path it is about the answer as a whole. */
  answered(subgraph: string, error: SubgraphError, path: readonly PathSegment[] | undefined): void {
    this.#add(() => {
      const { message, extensions } = error;
      return new GraphQLError(message || `${subgraph} answered with an error without words`, {
        ...(path ? { path: [...path] } : {}),
        originalError: error instanceof Error ? error : null,
        extensions: { ...extensions, serviceName: subgraph },
      });
    });
  }

  failed(failure: Failure): void {
    this.#failures.push({ ...failure, toldTimes: 0 });
  }

  /** A fetch could not be made because what it needs is missing: it fails as that did. */
  failedWith(keys: readonly string[], fields: FieldTree): void {
    const earlier = this.#failures.find((failure) => onOneLine(failure.keys, keys));
    if (earlier) this.failed({ cause: earlier.cause, keys, fields });
  }

  /**
   * An error that is told took along all that a fetch was to bring for the
   * object at a path: none of it is told again.
   */
  lost(path: readonly PathSegment[], fields: FieldTree): void {
    // Where no more errors are told, none can be told twice.
    if (this.errors.length < errorsMax) this.#losses.push({ path: [...path], fields });
  }

  /** A fetch could not be made for an object because what it needs is missing: that is lost too. */
  lostWith(path: readonly PathSegment[], fields: FieldTree): void {
    if (this.#losses.some((loss) => onOneLine(loss.path, path))) this.lost(path, fields);
  }

  /** A field that may be null never came: tells so, if a fetch failed to bring it. */
  missing(path: readonly PathSegment[], at: PathSegment): boolean {
    if (this.#failures.length === 0) return false;
    const place = [...path, at];
    const keys = place.filter((segment) => typeof segment === 'string');
    const failure = this.#failures.find(
      (one) =>
        keys.length > one.keys.length &&
        onOneLine(one.keys, keys) &&
        hasField(one.fields, keys.slice(one.keys.length)),
    );
    if (!failure) return false;
    failure.toldTimes += 1;
    if (failure.toldTimes <= errorsPerFailureMax) {
      this.#add(() => failureError(failure.cause, place));
    }
    return true;
  }

  /** A field that must not be null is. */
  lacking(path: readonly PathSegment[], at: PathSegment, isMissing: boolean, what: string): void {
    const place = [...path, at];
    if (isMissing && (this.#isLost(place) || this.missing(path, at))) return;
    this.#told ??= new ToldPaths(this.errors);
    if (this.errors.length >= errorsMax || this.#told.covers(place)) return;
    this.#add(
      () => new GraphQLError(`Cannot return null for non-nullable ${what}.`, { path: place }),
    );
  }

  /** A value is not what its type says. */
  unfit(path: readonly PathSegment[], at: PathSegment, message: string): void {
    this.#add(() => new GraphQLError(message, { path: [...path, at] }));
  }

  #isLost(place: readonly PathSegment[]): boolean {
    return this.#losses.some(
      ({ path, fields }) =>
        path.length < place.length &&
        onOneLine(path, place) &&
        hasField(fields, keysIn(place, path)),
    );
  }

  #add(error: () => GraphQLError): void {
    if (this.errors.length < errorsMax) this.errors.push(error());
  }
}

/** The response keys on the rest of a way. */
function keysIn(place: readonly PathSegment[], from: readonly PathSegment[]): string[] {
  return place.slice(from.length).filter((segment) => typeof segment === 'string');
}

/** An error as it stands in an answer, parsed from JSON or made in this process. */
export interface SubgraphError {
  readonly message: string;
  readonly path?: readonly PathSegment[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

function failureError(cause: unknown, path: PathSegment[]): GraphQLError {
  if (cause instanceof GraphQLError) {
    const { message, extensions } = cause;
    return new GraphQLError(message, { path, originalError: cause, extensions });
  }
  return new GraphQLError(cause instanceof ForgeError ? cause.message : 'The call failed.', {
    path,
    originalError: cause instanceof Error ? cause : null,
  });
}

/** The places of errors, asked for by place. */
class ToldPaths {
  readonly #root: ToldPath = { ends: false, inner: new Map() };

  constructor(errors: readonly GraphQLError[]) {
    for (const { path } of errors) {
      let at = this.#root;
      for (const segment of path ?? []) {
        const next = at.inner.get(segment) ?? { ends: false, inner: new Map() };
        at.inner.set(segment, next);
        at = next;
      }
      at.ends = true;
    }
  }

  /** Whether there is an error at the place, below it, or at an object that holds it. */
  covers(place: readonly PathSegment[]): boolean {
    let at: ToldPath | undefined = this.#root;
    for (const segment of place) {
      if (at.ends) return true;
      at = at.inner.get(segment);
      if (!at) return false;
    }
    return true;
  }
}

interface ToldPath {
  ends: boolean;
  readonly inner: Map<PathSegment, ToldPath>;
}
