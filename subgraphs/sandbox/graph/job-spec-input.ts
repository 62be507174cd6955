import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { ListSize, Refusal } from '../../shared/graph.ts';
import type { SpecProblem as SpecProblemData } from '../domain/problems.ts';

@InputType('EnvInput')
export class EnvInput {
  @Field(() => String) name!: string;
  @Field(() => String) value!: string;
}

@InputType('LabelInput')
export class LabelInput {
  @Field(() => String) name!: string;
  @Field(() => String) value!: string;
}

@InputType('ResourcesInput')
export class ResourcesInput {
  @Field(() => Int, { nullable: true }) cpuMillicores?: number | null;
  @Field(() => Int, { nullable: true }) memoryMib?: number | null;
}

@InputType('JobSpecInput', { description: 'What a job runs, with what, and for how long.' })
export class JobSpecInput {
  @Field(() => ID, { description: 'See Query.jobTemplates.' }) template!: string;
  @Field(() => String, { description: 'The program itself, at most 256 KiB.' }) source!: string;
  @Field(() => [String], { nullable: true }) args?: string[] | null;
  @Field(() => [EnvInput], { nullable: true }) env?: EnvInput[] | null;
  @Field(() => Int, { nullable: true, description: '1 to 3600; 60 unless told.' })
  timeoutSeconds?: number | null;
  @Field(() => ResourcesInput, { nullable: true }) resources?: ResourcesInput | null;
  @Field(() => String, { nullable: true, description: 'For people.' }) name?: string | null;
  @Field(() => [LabelInput], { nullable: true }) labels?: LabelInput[] | null;
}

@ObjectType('SpecProblem', { description: 'Something that is wrong with a spec.' })
export class SpecProblem {
  @Field(() => String, { description: 'As you wrote it: `spec.env[2].name`.' }) field!: string;
  @Field(() => String) message!: string;

  static of({ field, message }: SpecProblemData): SpecProblem {
    return Object.assign(new SpecProblem(), { field, message });
  }
}

@ObjectType('JobSpecInvalid', {
  implements: Refusal,
  description: 'The spec cannot run. Everything that is wrong is told at once.',
})
export class JobSpecInvalid extends Refusal {
  @ListSize(10)
  @Field(() => [SpecProblem])
  problems!: readonly SpecProblem[];

  static of(problems: readonly SpecProblemData[]): JobSpecInvalid {
    return Object.assign(new JobSpecInvalid(), {
      code: 'JOB_SPEC_INVALID',
      message: `The spec cannot run: ${problems.map(({ message }) => message).join(' ')}`,
      problems: problems.map((problem) => SpecProblem.of(problem)),
    });
  }
}
