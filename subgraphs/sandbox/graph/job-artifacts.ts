import {
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { DateTime, Node } from '../../shared/graph.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../shared/pagination.ts';
import { linkLifeMs, sealLink } from '../domain/artifact-link.ts';
import { listArtifacts } from '../store/artifacts.ts';
import type { ArtifactRow } from '../store/rows.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';

@ObjectType('Artifact', {
  implements: Node,
  description: 'A file that a job left in $FORGE_ARTIFACTS, kept for 30 days after its end.',
})
export class Artifact extends Node {
  @Field(() => String, { description: 'Relative to $FORGE_ARTIFACTS.' }) path!: string;
  @Field(() => Int) bytes!: number;
  @Field(() => String, { description: 'Of its content, in hexadecimal digits.' }) sha256!: string;
  @Field(() => String) mediaType!: string;
  @Field(() => DateTime) createdAt!: Date;

  @Field(() => String, { description: 'Gives its content to whoever asks within five minutes.' })
  downloadUrl(@Ctx() { tenant, clock, deps }: Context): string {
    const expiresAt = new Date(clock.now().getTime() + linkLifeMs);
    const sealed = sealLink(deps.links.key, { tenant, artifactId: this.id, expiresAt });
    const name = this.path.split('/').at(-1) ?? 'artifact';
    return `${deps.links.baseUrl}${sealed}/${encodeURIComponent(name)}`;
  }

  static of({ id, path, bytes, sha256, mediaType, createdAt }: ArtifactRow): Artifact {
    return Object.assign(new Artifact(), { id, path, bytes, sha256, mediaType, createdAt });
  }
}

export const { Connection: ArtifactConnection } = Connection(Artifact);

@Resolver(() => Job)
export class JobArtifactsResolver {
  @Authorized('sandbox:read')
  @FieldResolver(() => ArtifactConnection, { description: 'The files that it left, by path.' })
  artifacts(
    @Root() job: Job,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Ctx() ctx: Context,
  ): Promise<ConnectionValue<Artifact>> {
    return paginate(
      ctx,
      `artifacts of ${job.id}`,
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listArtifacts(tx, job.id, { limit, after: after?.[0]?.toString() })),
      (row) => [row.path],
      (row) => Artifact.of(row),
    );
  }
}
