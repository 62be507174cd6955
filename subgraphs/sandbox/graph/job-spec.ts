import {
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { programByJob } from './loaders.ts';
import { ListSize } from '../../shared/graph.ts';

@ObjectType('JobResources')
export class JobResources {
  @Field(() => Int) cpuMillicores!: number;
  @Field(() => Int) memoryMib!: number;
}

@ObjectType('JobSpec', { description: 'What a job runs: as accepted, every default filled in.' })
export class JobSpec {
  @Field(() => ID) template!: string;
  @Field(() => String) source!: string;
  @ListSize(8)
  @Field(() => [String])
  args!: readonly string[];
  @ListSize(8)
  @Field(() => [String], { description: 'Names only: values may be secrets and are not shown.' })
  envNames!: readonly string[];
  @Field(() => Int) timeoutSeconds!: number;
  @Field(() => JobResources) resources!: JobResources;
}

@Resolver(() => Job)
export class JobSpecResolver {
  @Authorized('sandbox:read')
  @FieldResolver(() => JobSpec)
  async spec(@Root() { id, row }: Job, @Ctx() ctx: Context): Promise<JobSpec> {
    const program = await ctx.load(programByJob, id);
    const { template, timeoutSeconds, cpuMillicores, memoryMib } = row;
    return Object.assign(new JobSpec(), {
      ...{ template, timeoutSeconds },
      resources: Object.assign(new JobResources(), { cpuMillicores, memoryMib }),
      source: program?.source ?? '',
      args: program?.args ?? [],
      envNames: (program?.env ?? []).map(({ name }) => name),
    });
  }

  @FieldResolver(() => ID)
  template(@Root() { row }: Job): string {
    return row.template;
  }
}
