import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  InputType,
  Mutation,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import { DateTime, IdempotencyKeyReused } from '../../shared/graph.ts';
import { once } from '../../shared/idempotency.ts';
import type { RoomState } from '../domain/room.ts';
import type { TenantRoomRow } from '../store/rows.ts';
import { closeRoom, findRoom } from '../store/rooms.ts';
import type { Context } from './context.ts';
import { boundedText, RoomStateEnum } from './words.ts';

@ObjectType('SandboxRoom', { description: 'The place in which your programs run.' })
export class SandboxRoom {
  @Field(() => RoomStateEnum, {
    description: 'Jobs run while it is READY. Once CLOSING nothing is queued any more, for good.',
  })
  state!: RoomState;
  @Field(() => Boolean, { description: 'Whether something is amiss that operators were told of.' })
  impaired!: boolean;
  @Field(() => DateTime, { nullable: true, description: 'When it was last looked after.' })
  checkedAt!: Date | null;
  @Field(() => DateTime, { nullable: true, description: 'When it was closed.' })
  closedAt!: Date | null;

  /** One that needs no making, or that nobody has asked for yet, is what jobs find it to be. */
  static of(row: TenantRoomRow | null, areNeeded: boolean): SandboxRoom {
    const { state = 'PREPARING', problem = null, checkedAt = null, closedAt = null } = row ?? {};
    const isPlain = !areNeeded && state === 'PREPARING';
    const shown = { state: isPlain ? 'READY' : state, impaired: problem !== null };
    return Object.assign(new SandboxRoom(), { ...shown, checkedAt, closedAt });
  }
}

@InputType('CloseSandboxInput')
export class CloseSandboxInput {
  @Field(() => String, { nullable: true, description: 'At most 500 characters.' })
  reason?: string | null;
  @Field(() => String) idempotencyKey!: string;
}

@ObjectType('CloseSandboxSuccess')
export class CloseSandboxSuccess {
  @Field(() => SandboxRoom, {
    description: 'CLOSED once every job has ended and nothing of yours is left where programs run.',
  })
  room!: SandboxRoom;
  @Field(() => Boolean) replayed!: boolean;
}

export const CloseSandboxResult = createUnionType({
  name: 'CloseSandboxResult',
  types: () => [CloseSandboxSuccess, IdempotencyKeyReused] as const,
});

const reasonLengthMax = 500;

@Resolver()
export class SandboxRoomResolver {
  @Authorized('sandbox:read')
  @Query(() => SandboxRoom)
  async sandboxRoom(@Ctx() ctx: Context): Promise<SandboxRoom> {
    return SandboxRoom.of(await ctx.db.tx(findRoom), ctx.deps.rooms.areNeeded);
  }

  @Authorized('sandbox:close')
  @Mutation(() => CloseSandboxResult, {
    description:
      'Closes your sandbox for good: jobs are cancelled and no new ones are taken. What they ' +
      'were, printed, left and cost stays as long as it would have, and so does the audit trail.',
  })
  async closeSandbox(
    @Arg('input', () => CloseSandboxInput) input: CloseSandboxInput,
    @Ctx() ctx: Context,
  ): Promise<CloseSandboxSuccess | IdempotencyKeyReused> {
    const why = boundedText('reason', input.reason ?? '', reasonLengthMax);
    const call = { operation: 'closeSandbox', key: input.idempotencyKey, input: { why } };
    const outcome = await once(ctx, call, async (tx) => {
      await closeRoom(tx, why, ctx.actor, ctx.clock.now());
      return 'closed';
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    const room = SandboxRoom.of(await ctx.db.tx(findRoom), ctx.deps.rooms.areNeeded);
    return Object.assign(new CloseSandboxSuccess(), { room, replayed: outcome.replayed });
  }
}
