import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import { IdempotencyKeyReused, NotFoundRefusal, Refusal } from '../../shared/graph.ts';
import { once } from '../../shared/idempotency.ts';
import { isId } from '../../shared/ids.ts';
import { findRun, wishRun } from '../store/runs.ts';
import { wakeTopic } from '../workflows/flow.ts';
import { runPlaybook } from '../workflows/run-playbook.ts';
import type { Context } from './context.ts';
import { PlaybookRun } from './run.ts';
import { boundedText } from './words.ts';

@InputType('CancelPlaybookRunInput')
export class CancelPlaybookRunInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => String, { nullable: true, description: 'At most 500 characters.' }) reason?: string;
}

@ObjectType('CancelPlaybookRunSuccess')
export class CancelPlaybookRunSuccess {
  @Field(() => PlaybookRun, { description: 'It ends CANCELLED once its effects are taken back.' })
  run!: PlaybookRun;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('PlaybookRunAlreadyFinished', { implements: Refusal })
export class PlaybookRunAlreadyFinished extends Refusal {
  @Field(() => PlaybookRun) run!: PlaybookRun;
}

export const CancelPlaybookRunResult = createUnionType({
  name: 'CancelPlaybookRunResult',
  types: () =>
    [
      CancelPlaybookRunSuccess,
      PlaybookRunAlreadyFinished,
      NotFoundRefusal,
      IdempotencyKeyReused,
    ] as const,
});

const reasonLengthMax = 500;

@Resolver()
export class CancelRunResolver {
  @Authorized('verticals:write')
  @Mutation(() => CancelPlaybookRunResult, {
    description:
      'Stops a run: nothing new begins and what it did is taken back. A run that stops already is left as it is.',
  })
  async cancelPlaybookRun(
    @Arg('input', () => CancelPlaybookRunInput) input: CancelPlaybookRunInput,
    @Ctx() ctx: Context,
  ): Promise<
    CancelPlaybookRunSuccess | PlaybookRunAlreadyFinished | NotFoundRefusal | IdempotencyKeyReused
  > {
    const { id, idempotencyKey: key } = input;
    const why = boundedText('reason', input.reason ?? '', reasonLengthMax);
    const call = { operation: 'cancelPlaybookRun', key, input: { id, why } };
    const outcome = await once(ctx, call, async (tx) => {
      if (!isId('run', id) || !(await findRun(tx, id))) return 'not-found';
      const message = why === '' ? `Cancelled by ${ctx.actor.id}.` : why;
      const wish = { kind: 'stop', reason: { code: 'CANCELLED', message } } as const;
      const stop = await wishRun(tx, id, wish, ctx.actor, ctx.clock.now());
      if (stop.outcome === 'changed') await runPlaybook.signal(tx, id, wakeTopic, 'cancelled');
      return stop.outcome;
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);

    const row = outcome.value === 'not-found' ? null : await ctx.db.tx((tx) => findRun(tx, id));
    if (!row) return NotFoundRefusal.of('Playbook run');
    const run = PlaybookRun.of(row);
    if (outcome.value === 'over') {
      const message = `The run ${id} ended ${row.state} already.`;
      const code = 'PLAYBOOK_RUN_ALREADY_FINISHED';
      return Object.assign(new PlaybookRunAlreadyFinished(), { code, message, run });
    }
    const { replayed } = outcome;
    return Object.assign(new CancelPlaybookRunSuccess(), { run, replayed });
  }
}
