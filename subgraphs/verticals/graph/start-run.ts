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
import {
  ListSize,
  IdempotencyKeyReused,
  JSONValue,
  NotFoundRefusal,
  Refusal,
} from '../../shared/graph.ts';
import { once } from '../../shared/idempotency.ts';
import type { PlaybookInput } from '../domain/input-schema.ts';
import { decideInput } from '../domain/input-schema.ts';
import type { Playbook } from '../domain/playbook.ts';
import { playbookId } from '../domain/playbook.ts';
import { findRun, insertRun } from '../store/runs.ts';
import { runPlaybook } from '../workflows/run-playbook.ts';
import type { Context } from './context.ts';
import { PlaybookRun } from './run.ts';

@InputType('StartPlaybookRunInput')
export class StartPlaybookRunInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID, { description: 'A version by its id (key@version), or the newest by its key.' })
  playbookId!: string;
  @Field(() => JSONValue, { description: 'What Playbook.inputSchema asks for.' })
  input!: unknown;
}

@ObjectType('StartPlaybookRunSuccess')
export class StartPlaybookRunSuccess {
  @Field(() => PlaybookRun) run!: PlaybookRun;
  @Field(() => Boolean, { description: 'Whether an earlier call with this key started the run.' })
  replayed!: boolean;
}

@ObjectType('PlaybookInputInvalid', {
  implements: Refusal,
  description: 'The input is not what the playbook asks for.',
})
export class PlaybookInputInvalid extends Refusal {
  @ListSize(10)
  @Field(() => [String])
  problems!: readonly string[];
}

export const StartPlaybookRunResult = createUnionType({
  name: 'StartPlaybookRunResult',
  types: () =>
    [StartPlaybookRunSuccess, PlaybookInputInvalid, NotFoundRefusal, IdempotencyKeyReused] as const,
});

@Resolver()
export class StartRunResolver {
  @Authorized('verticals:write')
  @Mutation(() => StartPlaybookRunResult, {
    description: 'Starts a run. It takes its time: subscribe to runProgress.',
  })
  async startPlaybookRun(
    @Arg('input', () => StartPlaybookRunInput) input: StartPlaybookRunInput,
    @Ctx() ctx: Context,
  ): Promise<
    StartPlaybookRunSuccess | PlaybookInputInvalid | NotFoundRefusal | IdempotencyKeyReused
  > {
    const playbook = ctx.deps.catalogue.find(input.playbookId);
    if (!playbook) return NotFoundRefusal.of('Playbook');
    const decision = decideInput(playbook.input, input.input);
    if (decision.kind === 'rejected') {
      const message = `The playbook ${playbook.key} cannot run on this input: ${decision.problems.join(' ')}`;
      const { problems } = decision;
      const code = 'PLAYBOOK_INPUT_INVALID';
      return Object.assign(new PlaybookInputInvalid(), { code, message, problems });
    }
    return start(ctx, input, playbook, decision.input);
  }
}

/** Row, steps, event, audit entry and the run itself start in one transaction, once per key. */
async function start(
  ctx: Context,
  { idempotencyKey, playbookId: asked }: StartPlaybookRunInput,
  playbook: Playbook,
  input: PlaybookInput,
): Promise<StartPlaybookRunSuccess | IdempotencyKeyReused> {
  const call = {
    operation: 'startPlaybookRun',
    key: idempotencyKey,
    input: { playbookId: asked, input },
  };
  const outcome = await once(ctx, call, async (tx) => {
    const order = { playbook, input, requestedBy: ctx.actor, at: ctx.clock.now() };
    const runId = await insertRun(tx, order);
    await runPlaybook.start(tx, runId, { playbookId: playbookId(playbook) });
    return runId;
  });
  if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
  const row = await ctx.db.tx((tx) => findRun(tx, outcome.value));
  if (!row) throw new Error(`The run ${outcome.value} of a stored answer is gone.`);
  const fields = { run: PlaybookRun.of(row), replayed: outcome.replayed };
  return Object.assign(new StartPlaybookRunSuccess(), fields);
}
