import { Arg, Authorized, Field, ID, Int, ObjectType, Query, Resolver } from 'type-graphql';
import { decideSpec } from '../domain/job-spec.ts';
import { jobTemplates } from '../domain/job-template.ts';
import { JobSpecInput, SpecProblem } from './job-spec-input.ts';
import { ListSize } from '../../shared/graph.ts';

@ObjectType('JobTemplate', { description: 'An interpreter that runs the source of a job.' })
export class JobTemplate {
  @Field(() => ID) id!: string;
  @Field(() => String) name!: string;
  @Field(() => String, { description: 'The name under which the source lies in the job’s folder.' })
  file!: string;
  @Field(() => Int, { description: 'The least memory with which it starts.' })
  memoryMibMin!: number;
}

@ObjectType('SpecReport', { description: 'Whether a spec can run, and all that is wrong with it.' })
export class SpecReport {
  @Field(() => Boolean) valid!: boolean;
  @ListSize(10)
  @Field(() => [SpecProblem])
  problems!: readonly SpecProblem[];
}

@Resolver()
export class JobTemplateResolver {
  @Authorized('sandbox:read')
  @ListSize(10)
  @Query(() => [JobTemplate])
  jobTemplates(): JobTemplate[] {
    return jobTemplates.map((template) => Object.assign(new JobTemplate(), template));
  }

  @Authorized('sandbox:read')
  @Query(() => SpecReport, { description: 'Says what submitJob would say of a spec.' })
  validateJobSpec(@Arg('spec', () => JobSpecInput) spec: JobSpecInput): SpecReport {
    const decision = decideSpec(spec);
    const problems = decision.kind === 'rejected' ? decision.problems : [];
    return Object.assign(new SpecReport(), {
      valid: problems.length === 0,
      problems: problems.map((problem) => SpecProblem.of(problem)),
    });
  }
}
