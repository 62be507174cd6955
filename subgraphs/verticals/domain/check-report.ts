export const reportStates = ['DRAFT', 'PUBLISHED', 'WITHDRAWN'] as const;
export type ReportState = (typeof reportStates)[number];

/**
 * Decides what a report becomes; undefined leaves it as it is.
 *
 * A withdrawn report never comes back, so that a publication that arrives after
 * the run was stopped shows nothing.
 */
export function decideReport(
  state: ReportState,
  wish: 'publish' | 'withdraw',
): ReportState | undefined {
  if (state === 'WITHDRAWN') return undefined;
  if (wish === 'withdraw') return 'WITHDRAWN';
  return state === 'DRAFT' ? 'PUBLISHED' : undefined;
}
