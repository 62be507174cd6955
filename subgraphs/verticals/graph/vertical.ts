import {
  Arg,
  Authorized,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { ListSize, Node } from '../../shared/graph.ts';
import type { Vertical as VerticalData } from '../domain/vertical.ts';
import { findVertical, verticals } from '../domain/vertical.ts';
import type { Context } from './context.ts';
import { Playbook } from './playbook.ts';

@ObjectType('EmployeeRole', { description: 'A role that an AI employee can hold.' })
export class EmployeeRole {
  @Field(() => ID) id!: string;
  @Field(() => String) name!: string;
  @Field(() => String) description!: string;
}

@Directive('@key(fields: "id")')
@ObjectType('Vertical', {
  implements: Node,
  description: 'One line of business that AI employees work in.',
})
export class Vertical extends Node {
  @Field(() => String) name!: string;
  @Field(() => String) description!: string;
  @ListSize(5)
  @Field(() => [EmployeeRole])
  roles!: readonly EmployeeRole[];

  @ListSize(5)
  @Field(() => [Playbook], { description: 'The newest version of each playbook.' })
  playbooks(@Ctx() ctx: Context): Playbook[] {
    return ctx.deps.catalogue.newest
      .filter(({ verticalId }) => verticalId === this.id)
      .map((playbook) => Playbook.of(playbook));
  }

  static of(data: VerticalData): Vertical {
    return Object.assign(new Vertical(), data);
  }
}

@Resolver(() => Playbook)
export class PlaybookVerticalResolver {
  @FieldResolver(() => Vertical, { nullable: true })
  vertical(@Root() { verticalId }: Playbook): Vertical | null {
    const data = findVertical(verticalId);
    return data ? Vertical.of(data) : null;
  }
}

@Resolver()
export class VerticalResolver {
  @Authorized('verticals:read')
  @ListSize(10)
  @Query(() => [Vertical], { description: 'All verticals.' })
  verticals(): Vertical[] {
    return verticals.map((data) => Vertical.of(data));
  }

  @Authorized('verticals:read')
  @Query(() => Vertical, { nullable: true })
  vertical(@Arg('id', () => ID) id: string): Vertical | null {
    const data = findVertical(id);
    return data ? Vertical.of(data) : null;
  }
}
