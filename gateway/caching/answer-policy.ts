import type { CachePolicy } from './static-policy.ts';

/** How long one answer may be kept, as far as its parts have come. */
export interface AnswerPolicy {
  /** A subgraph has answered, with this `cache-control` or none. */
  answered(header: string | undefined): void;
  /** Something was asked that nobody can say anything about. */
  forbid(): void;
  /** Undefined when the answer may not be kept. */
  readonly policy: CachePolicy | undefined;
}

/**
 * The least that the graph and every subgraph allow.
 *
 * Where the graph says nothing, a subgraph that says nothing allows nothing, as
 * Apollo has it.
 */
export function answerPolicy(given: CachePolicy | undefined): AnswerPolicy {
  let maxAge = given?.maxAge;
  let isPrivate = given?.isPrivate ?? false;
  const restrict = (age: number): void => {
    maxAge = maxAge === undefined ? age : Math.min(maxAge, age);
  };
  return {
    answered(header) {
      if (header === undefined) {
        if (!given) restrict(0);
        return;
      }
      const told = cacheControlIn(header);
      restrict(told.maxAge);
      isPrivate ||= told.isPrivate;
    },
    forbid() {
      restrict(0);
    },
    get policy() {
      return maxAge !== undefined && maxAge > 0 ? { maxAge, isPrivate } : undefined;
    },
  };
}

/** What a `cache-control` header says; an answer whose age it does not say has none. */
export function cacheControlIn(header: string): CachePolicy {
  const parts = new Set(
    header
      .toLowerCase()
      .split(',')
      .map((part) => part.trim()),
  );
  const age = [...parts].flatMap((part) => /^max-age="?(\d+)"?$/.exec(part)?.[1] ?? [])[0];
  const isKept = age !== undefined && !parts.has('no-store') && !parts.has('no-cache');
  return { maxAge: isKept ? Number(age) : 0, isPrivate: parts.has('private') };
}
