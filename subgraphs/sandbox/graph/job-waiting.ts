import { Ctx, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { jobReason } from '../domain/job-reason.ts';
import { fitsQuota } from '../domain/quota.ts';
import type { JobRow } from '../store/rows.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import type { Room } from './loaders.ts';
import { placeByJob, roomOfTenant } from './loaders.ts';

@ObjectType('JobWaiting', { description: 'What a job in the queue waits for.' })
export class JobWaiting {
  @Field(() => String, {
    description: 'WAITING_FOR_CREDIT, WAITING_FOR_ROOM, WAITING_FOR_QUOTA or WAITING_FOR_TURN.',
  })
  code!: string;
  @Field(() => String) message!: string;
  @Field(() => Int, { description: 'Its place among your waiting jobs, from 1.' })
  position!: number;
}

@Resolver(() => Job)
export class JobWaitingResolver {
  @FieldResolver(() => JobWaiting, { nullable: true, description: 'Null unless it is QUEUED.' })
  async waiting(@Root() { id, row }: Job, @Ctx() ctx: Context): Promise<JobWaiting | null> {
    if (row.state !== 'QUEUED') return null;
    const position = (await ctx.load(placeByJob, id)) ?? 1;
    const { areNeeded } = ctx.deps.rooms;
    const code = waitsFor(row, await ctx.load(roomOfTenant, 'tenant'), areNeeded);
    const { message } = jobReason(code);
    return Object.assign(new JobWaiting(), { code, message, position });
  }
}

function waitsFor(job: JobRow, room: Room | undefined, areNeeded: boolean) {
  if (!job.ready) return 'WAITING_FOR_CREDIT';
  if (areNeeded && room?.place !== 'READY') return 'WAITING_FOR_ROOM';
  return room && !fitsQuota(room.quota, room.load, job) ? 'WAITING_FOR_QUOTA' : 'WAITING_FOR_TURN';
}
