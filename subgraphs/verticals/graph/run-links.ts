import { Authorized, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { isId } from '../../shared/ids.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { jobById, runById } from './loaders.ts';
import { PlaybookRun } from './run.ts';

/** The way from an approval to the run that waits for it. */
@Resolver(() => Approval)
export class ApprovalRunResolver {
  @FieldResolver(() => PlaybookRun)
  async run(@Root() approval: Approval, @Ctx() ctx: Context): Promise<PlaybookRun> {
    const row = await ctx.load(runById, approval.runId);
    if (!row) throw new Error(`Approval ${approval.id} has lost its run ${approval.runId}.`);
    return PlaybookRun.of(row);
  }
}

/** The way from a sandbox job to the run that submitted it. */
@Resolver(() => Job)
export class JobRunResolver {
  @Authorized('verticals:read')
  @FieldResolver(() => PlaybookRun, {
    nullable: true,
    description: 'The playbook run that submitted the job; null for a job of a partner’s own.',
  })
  async playbookRun(@Root() { id }: Job, @Ctx() ctx: Context): Promise<PlaybookRun | null> {
    const job = isId('job', id) ? await ctx.load(jobById, id) : undefined;
    const run = job && (await ctx.load(runById, job.runId));
    return run ? PlaybookRun.of(run) : null;
  }
}
