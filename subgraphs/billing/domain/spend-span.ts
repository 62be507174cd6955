import { badInput } from '../../shared/errors.ts';

/** A span of time: its first instant, and the first instant after it. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/**
 * The span that a question about spend means: this month so far when nothing
 * is said. A span that ends before it begins is refused.
 */
export function spendSpan(asked: { from?: Date; to?: Date }, now: Date): Span {
  const to = asked.to ?? now;
  const from = asked.from ?? new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth(), 1));
  if (from.getTime() > to.getTime()) throw badInput('The span ends before it begins.', 'to');
  return { from, to };
}
