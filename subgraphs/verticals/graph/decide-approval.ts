import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import type { Tx } from '../../shared/db.ts';
import { DateTime, IdempotencyKeyReused, NotFoundRefusal, Refusal } from '../../shared/graph.ts';
import { once } from '../../shared/idempotency.ts';
import { isId } from '../../shared/ids.ts';
import type { ApprovalDecision, ApprovalState } from '../domain/approval.ts';
import { decideApproval } from '../domain/approval.ts';
import { auditRefusedDecision, endApproval, findApproval } from '../store/approvals.ts';
import type { ApprovalRow } from '../store/rows.ts';
import { lockRun } from '../store/runs.ts';
import { wakeTopic } from '../workflows/flow.ts';
import { runPlaybook } from '../workflows/run-playbook.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { ApprovalStateEnum, ApprovalVerdictEnum, boundedText, RunActor } from './words.ts';

@InputType('DecideApprovalInput')
export class DecideApprovalInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) approvalId!: string;
  @Field(() => ApprovalVerdictEnum) decision!: 'APPROVE' | 'REJECT';
  @Field(() => String, { nullable: true, description: 'At most 2000 characters.' })
  comment?: string;
  @Field(() => Int, {
    nullable: true,
    description: 'Decide only if Approval.version is still this one.',
  })
  expectedVersion?: number;
}

@ObjectType('DecideApprovalSuccess')
export class DecideApprovalSuccess {
  @Field(() => Approval) approval!: Approval;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('ApprovalAlreadyDecided', {
  implements: Refusal,
  description: 'Somebody was faster, or the run was cancelled.',
})
export class ApprovalAlreadyDecided extends Refusal {
  @Field(() => Approval) approval!: Approval;
  @Field(() => ApprovalStateEnum) state!: ApprovalState;
  @Field(() => RunActor, { nullable: true }) decidedBy!: RunActor | null;
  @Field(() => DateTime, { nullable: true }) decidedAt!: Date | null;
}

@ObjectType('ApprovalExpired', { implements: Refusal, description: 'The deadline has passed.' })
export class ApprovalExpired extends Refusal {
  @Field(() => DateTime) expiresAt!: Date;
}

@ObjectType('ApprovalVersionMismatch', {
  implements: Refusal,
  description: 'The approval is no longer of the expected version: look at it again.',
})
export class ApprovalVersionMismatch extends Refusal {
  @Field(() => Approval) approval!: Approval;
}

@ObjectType('ApprovalNotAllowed', {
  implements: Refusal,
  description: 'Four eyes: this actor cannot decide about this run.',
})
export class ApprovalNotAllowed extends Refusal {}

export const DecideApprovalResult = createUnionType({
  name: 'DecideApprovalResult',
  types: () =>
    [
      DecideApprovalSuccess,
      ApprovalAlreadyDecided,
      ApprovalExpired,
      ApprovalVersionMismatch,
      ApprovalNotAllowed,
      NotFoundRefusal,
      IdempotencyKeyReused,
    ] as const,
});

type DecisionPayload =
  | DecideApprovalSuccess
  | ApprovalAlreadyDecided
  | ApprovalExpired
  | ApprovalVersionMismatch
  | ApprovalNotAllowed
  | NotFoundRefusal
  | IdempotencyKeyReused;

const commentLengthMax = 2_000;

@Resolver()
export class DecideApprovalResolver {
  @Authorized('verticals:approve')
  @Mutation(() => DecideApprovalResult, {
    description: 'Approves or rejects what a run asks for. Of racing deciders exactly one wins.',
  })
  async decideApproval(
    @Arg('input', () => DecideApprovalInput) input: DecideApprovalInput,
    @Ctx() ctx: Context,
  ): Promise<DecisionPayload> {
    const { idempotencyKey: key, approvalId, decision, expectedVersion } = input;
    const comment = boundedText('comment', input.comment ?? '', commentLengthMax);
    const facts = { approvalId, decision, comment, expectedVersion: expectedVersion ?? null };
    const call = { operation: 'decideApproval', key, input: facts };
    const outcome = await once(ctx, call, (tx) => decide(tx, ctx, { ...input, comment }));
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);

    const { kind } = outcome.value;
    const row = kind === 'not-found' ? null : await ctx.db.tx((tx) => findApproval(tx, approvalId));
    if (!row || outcome.value.kind === 'not-found') return NotFoundRefusal.of('Approval');
    return payloadOf(outcome.value, row, outcome.replayed);
  }
}

type Outcome = ApprovalDecision | { readonly kind: 'not-found' };

/**
 * Decides under the run's lock and ends the approval by compare-and-set; the
 * decision, its events, its audit entry and the message that wakes the run
 * commit together. A decision that does not count leaves an audit entry only.
 */
async function decide(tx: Tx, ctx: Context, input: DecideApprovalInput): Promise<Outcome> {
  const { approvalId, decision, expectedVersion } = input;
  const known = isId('approval', approvalId) ? await findApproval(tx, approvalId) : null;
  if (!known) return { kind: 'not-found' };
  const run = await lockRun(tx, known.runId);
  const approval = (await findApproval(tx, approvalId)) ?? known;

  const now = ctx.clock.now();
  const requestedBy = { type: run.requestedByType, id: run.requestedById };
  const ask = { decision, decider: ctx.actor, expectedVersion, now };
  const outcome = decideApproval({ ...approval, requestedBy }, ask);
  if (outcome.kind !== 'decided') {
    const why = outcome.kind === 'not-allowed' ? outcome.why : outcome.kind;
    await auditRefusedDecision(tx, approvalId, ctx.actor, now, { decision, why });
    return outcome;
  }
  const comment = input.comment === undefined || input.comment === '' ? null : input.comment;
  const end = { state: outcome.state, comment };
  if (!(await endApproval(tx, approval, end, ctx.actor, now))) return { kind: 'already-decided' };
  await runPlaybook.signal(tx, approval.runId, wakeTopic, approvalId);
  return outcome;
}

function payloadOf(
  outcome: ApprovalDecision,
  row: ApprovalRow,
  replayed: boolean,
): DecisionPayload {
  const approval = Approval.of(row);
  const { id, state, decidedBy, decidedAt, expiresAt } = approval;
  switch (outcome.kind) {
    case 'decided':
      return Object.assign(new DecideApprovalSuccess(), { approval, replayed });
    case 'already-decided': {
      const by = decidedBy ? ` by ${decidedBy.id}` : '';
      const message = `The approval ${id} is ${state}${by} already.`;
      const code = 'APPROVAL_ALREADY_DECIDED';
      const facts = { code, message, approval, state, decidedBy, decidedAt };
      return Object.assign(new ApprovalAlreadyDecided(), facts);
    }
    case 'expired': {
      const message = `The approval ${id} expired at ${expiresAt.toISOString()}.`;
      return Object.assign(new ApprovalExpired(), { code: 'APPROVAL_EXPIRED', message, expiresAt });
    }
    case 'stale': {
      const message = `The approval ${id} is now of version ${String(outcome.version)}: look at it again.`;
      return Object.assign(new ApprovalVersionMismatch(), {
        code: 'APPROVAL_VERSION_MISMATCH',
        message,
        approval,
      });
    }
    case 'not-allowed':
      return Object.assign(new ApprovalNotAllowed(), {
        code: 'APPROVAL_NOT_ALLOWED',
        message: notAllowed[outcome.why],
      });
  }
}

const notAllowed = {
  AI_EMPLOYEE: 'AI employees do not decide about approvals. Ask a person who may approve.',
  REQUESTER: 'Who asked for a run does not approve it. Ask another person who may approve.',
};
