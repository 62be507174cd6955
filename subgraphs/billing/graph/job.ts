import {
  Authorized,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  Int,
  ObjectType,
} from 'type-graphql';
import { registerEnumType, Resolver, Root } from 'type-graphql';
import type { Context } from '../../shared/context.ts';
import { delivered } from '../../shared/outbox.ts';
import { Money } from '../../shared/graph.ts';
import { defineLoader } from '../../shared/loaders.ts';
import type { JobCostNow, JobState } from '../domain/job-cost.ts';
import { isOver, jobCost, jobStates } from '../domain/job-cost.ts';
import type { PriceList } from '../domain/price-list.ts';
import { priceListAt } from '../domain/price-list.ts';
import type { JobRecord } from '../store/job-facts.ts';
import { readJobFacts } from '../store/job-facts.ts';
import { readPriceLists } from '../store/price-lists.ts';

/** The words of the sandbox's enum, which composition compares with these one by one. */
const JobStates = Object.fromEntries(jobStates.map((state) => [state, state]));
registerEnumType(JobStates, { name: 'JobState' });

@ObjectType()
export class JobUsage {
  @Directive('@external')
  @Field(() => Int)
  cpuMillicores!: number;

  @Directive('@external')
  @Field(() => Int)
  memoryMib!: number;

  @Directive('@external')
  @Field(() => Int)
  billableMs!: number;
}

@ObjectType()
@Directive('@key(fields: "id")')
export class Job {
  @Field(() => ID)
  id!: string;

  @Directive('@external')
  @Field(() => JobStates)
  state?: JobState;

  @Directive('@external')
  @Field(() => JobUsage, { nullable: true })
  usage?: JobUsage | null;
}

@ObjectType({ description: 'What a job costs, over all its attempts.' })
export class JobCost {
  @Field(() => Money, {
    description:
      'Charged attempts, and the usage so far of the one under way. Never zero once the job ran.',
  })
  total!: Money;

  @Field(() => Boolean, { description: 'Whether the total is charged and will not change again.' })
  final!: boolean;

  @Field(() => Money, { description: 'The part of the total that has been charged.' })
  settled!: Money;

  @Field(() => Money, { description: 'Credit kept aside for the attempt under way.' })
  held!: Money;

  static of(cost: JobCostNow): JobCost {
    return Object.assign(new JobCost(), {
      total: Money.of(cost.total),
      final: cost.final,
      settled: Money.of(cost.settled),
      held: Money.of(cost.held),
    });
  }
}

@Resolver(() => Job)
export class JobCostResolver {
  @Authorized('billing:read')
  @Directive('@requires(fields: "state usage { billableMs cpuMillicores memoryMib }")')
  @FieldResolver(() => JobCost, {
    description: 'Priced from live usage while the job runs, the settled charge after.',
  })
  async cost(@Root() job: Job, @Ctx() ctx: Context): Promise<JobCost> {
    const lists = await ctx.load(priceLists, 'all');
    const record = await ctx.load(recordByJob, job.id);
    const cost = priced(job, record, lists ?? [], ctx.clock.now());
    if (!isOver(job.state) || (cost.final && record)) return JobCost.of(cost);

    // The job is over and its charge is not here: wait for the messages under way, and look again.
    await delivered(ctx, job.id);
    const records = await ctx.db.tx((tx) => readJobFacts(tx, [job.id]));
    return JobCost.of(priced(job, records.get(job.id), lists ?? [], ctx.clock.now()));
  }
}

/** A job's part of the graph that billing answers for: any id, since the sandbox knows which exist. */
export function jobReference(reference: { id: string }): Promise<Job> {
  return Promise.resolve(Object.assign(new Job(), reference));
}

const recordByJob = defineLoader<string, JobRecord>('billing.record-by-job', (ctx, jobIds) =>
  ctx.db.tx((tx) => readJobFacts(tx, jobIds)),
);

const priceLists = defineLoader<string, readonly PriceList[]>(
  'billing.price-lists',
  async (ctx, keys) => {
    const lists = await ctx.db.tx(readPriceLists);
    return new Map(keys.map((key) => [key, lists]));
  },
);

/** A job's attempts keep the price they were promised; one that is not on record has today's. */
function priced(
  job: Job,
  record: JobRecord | undefined,
  lists: readonly PriceList[],
  now: Date,
): JobCostNow {
  const promised = lists.find((list) => list.version === record?.pricedBy);
  return jobCost(
    { state: job.state, usage: job.usage ?? undefined },
    record ?? nothingOnRecord,
    promised ?? priceListAt(lists, now),
  );
}

const nothingOnRecord: JobRecord = {
  chargedMinor: 0,
  chargedMs: 0,
  chargedAttempts: 0,
  heldMinor: 0,
  openHolds: 0,
  pricedBy: undefined,
};
