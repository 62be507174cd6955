import { Ctx, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { DateTime } from '../../shared/graph.ts';
import { jobReason } from '../domain/job-reason.ts';
import { fitsQuota } from '../domain/quota.ts';
import type { JobRow } from '../store/rows.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import type { Room } from './loaders.ts';
import { placeByJob, roomOfTenant } from './loaders.ts';

@ObjectType('JobWaiting', { description: 'What a job waits for that could run otherwise.' })
export class JobWaiting {
  @Field(() => String, {
    description:
      'WAITING_FOR_CREDIT, WAITING_FOR_ROOM, WAITING_FOR_QUOTA, WAITING_FOR_CLUSTER or WAITING_FOR_TURN.',
  })
  code!: string;
  @Field(() => String) message!: string;
  @Field(() => Int, { description: 'Its place among your waiting jobs, from 1.' })
  position!: number;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When it is tried again, if there was no room for it.',
  })
  againAt!: Date | null;
}

@Resolver(() => Job)
export class JobWaitingResolver {
  @FieldResolver(() => JobWaiting, {
    nullable: true,
    description: 'Null unless it is QUEUED, or others keep it from starting.',
  })
  async waiting(@Root() { id, row }: Job, @Ctx() ctx: Context): Promise<JobWaiting | null> {
    if (row.state === 'CREATING' && row.reasonCode === 'WAITING_FOR_CLUSTER') {
      const shown = { code: row.reasonCode, message: row.reasonMessage, position: 1 };
      return Object.assign(new JobWaiting(), shown, { againAt: null });
    }
    if (row.state !== 'QUEUED') return null;
    const position = (await ctx.load(placeByJob, id)) ?? 1;
    const { areNeeded } = ctx.deps.rooms;
    if (row.notBefore && row.notBefore > ctx.clock.now()) {
      const { reasonCode: code, reasonMessage: message, notBefore: againAt } = row;
      return Object.assign(new JobWaiting(), { code, message, position, againAt });
    }
    const code = waitsFor(row, await ctx.load(roomOfTenant, 'tenant'), areNeeded);
    const { message } = jobReason(code);
    return Object.assign(new JobWaiting(), { code, message, position, againAt: null });
  }
}

function waitsFor(job: JobRow, room: Room | undefined, areNeeded: boolean) {
  if (!job.ready) return 'WAITING_FOR_CREDIT';
  if (areNeeded && room?.place !== 'READY') return 'WAITING_FOR_ROOM';
  return room && !fitsQuota(room.quota, room.load, job) ? 'WAITING_FOR_QUOTA' : 'WAITING_FOR_TURN';
}
