export const approvalStates = ['PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED'] as const;
export type ApprovalState = (typeof approvalStates)[number];

export interface Decider {
  readonly type: 'user' | 'service' | 'ai-employee';
  readonly id: string;
}

/** What a decision depends on. */
export interface ApprovalFacts {
  readonly state: ApprovalState;
  readonly version: number;
  readonly expiresAt: Date;
  readonly requestedBy: Decider;
  readonly excludeRequester: boolean;
}

export interface ApprovalAsk {
  readonly decision: 'APPROVE' | 'REJECT';
  readonly decider: Decider;
  readonly expectedVersion?: number | undefined;
  readonly now: Date;
}

export type ApprovalDecision =
  | { readonly kind: 'decided'; readonly state: 'APPROVED' | 'REJECTED' }
  | { readonly kind: 'already-decided' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'stale'; readonly version: number }
  | { readonly kind: 'not-allowed'; readonly why: 'AI_EMPLOYEE' | 'REQUESTER' };

/**
 * Decides whether this person's decision counts.
 *
 * Four eyes: what an AI employee prepared is let through by a person, and by
 * another one than asked for it where the playbook says so. Refusing is open to
 * the requester too, because stopping one's own run does no harm. The deadline
 * counts from its very instant, whether or not the run has noticed it yet.
 */
export function decideApproval(approval: ApprovalFacts, ask: ApprovalAsk): ApprovalDecision {
  const { decider, decision } = ask;
  if (decider.type === 'ai-employee') return { kind: 'not-allowed', why: 'AI_EMPLOYEE' };
  if (approval.state === 'EXPIRED') return { kind: 'expired' };
  if (approval.state !== 'PENDING') return { kind: 'already-decided' };
  if (isExpired(approval, ask.now)) return { kind: 'expired' };
  if (
    decision === 'APPROVE' &&
    approval.excludeRequester &&
    isSame(approval.requestedBy, decider)
  ) {
    return { kind: 'not-allowed', why: 'REQUESTER' };
  }
  if (ask.expectedVersion !== undefined && ask.expectedVersion !== approval.version) {
    return { kind: 'stale', version: approval.version };
  }
  return { kind: 'decided', state: decision === 'APPROVE' ? 'APPROVED' : 'REJECTED' };
}

/** Says whether nobody can decide any more because the time is over. */
export function isExpired(approval: Pick<ApprovalFacts, 'expiresAt'>, now: Date): boolean {
  return now.getTime() >= approval.expiresAt.getTime();
}

function isSame(a: Decider, b: Decider): boolean {
  return a.type === b.type && a.id === b.id;
}
