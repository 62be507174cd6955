import { Ctx, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { DateTime, ListSize } from '../../shared/graph.ts';
import type { KeptSecurity } from '../domain/security.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { attemptsByJob } from './loaders.ts';
import { EgressEnum, IsolationEnum } from './words.ts';

@ObjectType('JobSecurityEvidence', {
  description:
    'A probe that tried, on the same cluster and under the same profile, what no program may.',
})
export class JobSecurityEvidence {
  @Field(() => DateTime) probedAt!: Date;
  @Field(() => String) clusterUid!: string;
  @Field(() => String, { description: 'The nodes on which it ran.' }) pool!: string;
}

@ObjectType('JobSecurityProfile', {
  description: 'What held the program of an attempt, read from what was there when it started.',
})
export class JobSecurityProfile {
  @Field(() => IsolationEnum) isolation!: KeptSecurity['isolation'];
  @Field(() => String, { nullable: true }) runtimeClass!: string | null;
  @Field(() => String, { nullable: true, description: 'The filter of its system calls.' })
  seccomp!: string | null;
  @Field(() => Boolean, { description: 'Whether its users were nobody outside.' })
  userNamespace!: boolean;
  @Field(() => Boolean) readOnlyRoot!: boolean;
  @Field(() => Boolean, { description: 'Whether it had or could gain rights.' })
  privileged!: boolean;
  @Field(() => Boolean, { description: 'Whether it could have a token of the cluster.' })
  clusterToken!: boolean;
  @Field(() => EgressEnum) egress!: KeptSecurity['egress'];
  @Field(() => Int, { nullable: true, description: 'Processes at once, if they were limited.' })
  processesMax!: number | null;
  @ListSize(10)
  @Field(() => [String], { description: 'The policies under which it ran.' })
  policies!: readonly string[];
  @Field(() => String, { description: 'The same text for the same settings of the runner.' })
  profile!: string;
  @Field(() => JobSecurityEvidence, {
    nullable: true,
    description: 'Null where the profile is declared, and no probe has seen it hold.',
  })
  evidence!: JobSecurityEvidence | null;

  static of(kept: KeptSecurity | null): JobSecurityProfile | null {
    if (!kept) return null;
    const { evidence, ...held } = kept;
    const probedAt = evidence && new Date(evidence.probedAt);
    return Object.assign(new JobSecurityProfile(), {
      ...held,
      evidence: evidence && Object.assign(new JobSecurityEvidence(), { ...evidence, probedAt }),
    });
  }
}

@Resolver(() => Job)
export class JobSecurityResolver {
  @FieldResolver(() => JobSecurityProfile, {
    nullable: true,
    description: 'What held its last attempt. Null until that started.',
  })
  async security(
    @Root() { id, row }: Job,
    @Ctx() ctx: Context,
  ): Promise<JobSecurityProfile | null> {
    const attempts = (await ctx.load(attemptsByJob, id)) ?? [];
    const last = attempts.find(({ attempt }) => attempt === row.attempt);
    return JobSecurityProfile.of(last?.security ?? null);
  }
}
