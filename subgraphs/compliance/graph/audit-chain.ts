import { Arg, Authorized, Ctx, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import { Cost } from '../../shared/graph.ts';
import type { Context } from '../../shared/context.ts';
import { badInput } from '../../shared/errors.ts';
import { checkChain } from '../domain/audit-chain.ts';
import { readChain, readHeadAfter, recorded } from '../store/audit-log.ts';
import { readEntries } from '../store/audit-pages.ts';

const checkedEntriesMax = 1000;

@ObjectType({ description: "A check of part of the tenant's audit log against its hash chain." })
export class AuditChainCheck {
  @Field(() => Boolean, {
    description: 'Whether every entry that was checked is as it was recorded.',
  })
  intact!: boolean;

  @Field(() => Int, { nullable: true, description: 'The first entry that is not.' })
  firstBadSequence!: number | null;

  @Field(() => Int, { description: 'How many entries were checked.' })
  checked!: number;

  @Field(() => Int, { description: 'Where to go on: the `after` of the next check.' })
  last!: number;

  @Field(() => Int, { description: 'How many entries the log has.' })
  size!: number;

  @Field(() => String, {
    description:
      'The hash that stands for the whole log, in hex. Keep it elsewhere to find a rewrite.',
  })
  head!: string;
}

@Resolver()
export class AuditChainResolver {
  @Authorized('compliance:read')
  @Cost(100)
  @Query(() => AuditChainCheck, {
    description: `Checks up to ${checkedEntriesMax} entries after a place in the log, from its start by default.`,
  })
  async auditChain(
    @Ctx() ctx: Context,
    @Arg('after', () => Int, { defaultValue: 0 }) after: number,
    @Arg('first', () => Int, { defaultValue: checkedEntriesMax }) first: number,
  ): Promise<AuditChainCheck> {
    if (after < 0) throw badInput('A place in the log is 0 or more.', 'after');
    if (first < 1 || first > checkedEntriesMax) {
      throw badInput(`Between 1 and ${checkedEntriesMax} entries can be checked at once.`, 'first');
    }
    const { chain, head, rows, last } = await ctx.db.tx(async (tx) => {
      const log = await readChain(tx);
      const until = Math.min(after + first, log.size);
      const page = { order: 'ASC', limit: until - after, after } as const;
      return {
        chain: log,
        head: await readHeadAfter(tx, after),
        rows: until > after ? await readEntries(tx, {}, page) : [],
        last: until,
      };
    });
    if (!head || after > chain.size) throw badInput('The log ends before that place.', 'after');

    const end = { sequence: last, head: last === chain.size ? chain.head : undefined };
    const check = checkChain({ sequence: after, head }, rows.map(recorded), end);
    return Object.assign(new AuditChainCheck(), {
      intact: check.intact,
      firstBadSequence: check.intact ? null : check.firstBadSequence,
      checked: rows.length,
      last,
      size: chain.size,
      head: chain.head.toString('hex'),
    });
  }
}
