import {
  Args,
  ArgsType,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { badInput } from '../../shared/errors.ts';
import { Cursor, DateTime } from '../../shared/graph.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { Connection, pageInfo } from '../../shared/pagination.ts';
import type { LogStream } from '../domain/output.ts';
import type { NumberedLine } from '../store/logs.ts';
import { readLines } from '../store/logs.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { LogStreamEnum } from './words.ts';

@ObjectType('LogLine')
export class LogLine {
  @Field(() => Int, { description: 'From 1, without gaps within a job.' }) n!: number;
  @Field(() => DateTime) at!: Date;
  @Field(() => LogStreamEnum) stream!: string;
  @Field(() => String) text!: string;
  @Field(() => Boolean, { description: 'The line goes on in the next one of its stream.' })
  truncated!: boolean;

  static of({ n, at, stream, text, truncated }: NumberedLine): LogLine {
    const fields = { n, at, stream: stream.toUpperCase(), text, truncated };
    return Object.assign(new LogLine(), fields);
  }
}

export const { Connection: LogConnection } = Connection(LogLine, 'Log');

const linesMax = 1_000;
const linesDefault = 100;

@ArgsType()
export class LogArgs {
  @Field(() => Int, { defaultValue: linesDefault, description: 'At most 1000.' })
  first: number = linesDefault;

  @Field(() => Cursor, { nullable: true, description: 'Goes on after this cursor.' })
  after?: string | null;

  @Field(() => LogStreamEnum, { nullable: true, description: 'Only what was written there.' })
  stream?: string | null;
}

@Resolver(() => Job)
export class JobLogsResolver {
  @Authorized('sandbox:read')
  @FieldResolver(() => LogConnection, {
    description:
      'What its program printed, kept for 30 days after its end. See jobEvents to follow it.',
  })
  async logs(
    @Root() job: Job,
    @Args(() => LogArgs) { first, after, stream }: LogArgs,
    @Ctx() ctx: Context,
  ): Promise<ConnectionValue<LogLine>> {
    if (first < 1 || first > linesMax) {
      throw badInput(`"first" must be from 1 to ${String(linesMax)}.`, 'first');
    }
    const list = `logs of ${job.id}`;
    const n = after == null ? 0 : Number(ctx.cursors.open(list, after)[0]);
    const wanted = { after: n, limit: first + 1, ...(stream && { stream: streamOf(stream) }) };
    const lines = await ctx.db.tx((tx) => readLines(tx, job.id, wanted));
    const edges = lines
      .slice(0, first)
      .map((line) => ({ node: LogLine.of(line), cursor: ctx.cursors.seal(list, [line.n]) }));
    return { edges, pageInfo: pageInfo(edges, lines.length > first, after != null) };
  }
}

function streamOf(word: string): LogStream {
  return word === 'STDERR' ? 'stderr' : 'stdout';
}
