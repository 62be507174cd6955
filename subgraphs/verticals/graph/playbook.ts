import {
  Arg,
  Authorized,
  Ctx,
  Directive,
  Field,
  ID,
  Int,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import { ListSize, JSONValue, Node } from '../../shared/graph.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { Playbook as PlaybookData, PlaybookStep as StepData } from '../domain/playbook.ts';
import { playbookId } from '../domain/playbook.ts';
import type { Context } from './context.ts';
import { PlaybookStepKindEnum, RiskClassEnum } from './words.ts';

@ObjectType('PlaybookStep', { description: 'A step of a playbook.' })
export class PlaybookStep {
  @Field(() => String) name!: string;
  @Field(() => String) title!: string;
  @Field(() => PlaybookStepKindEnum) kind!: string;
  @Field(() => RiskClassEnum) risk!: string;
  @Field(() => String, { nullable: true, description: 'The tool that the step calls.' })
  tool!: string | null;
  @Field(() => String, { nullable: true, description: 'The tool that takes the step back.' })
  compensation!: string | null;
  @Field(() => Int, { nullable: true, description: 'How long the step waits at most.' })
  deadlineSeconds!: number | null;

  static of(step: StepData): PlaybookStep {
    return Object.assign(new PlaybookStep(), {
      name: step.name,
      title: step.title,
      kind: step.kind.toUpperCase().replace('-', '_'),
      risk: step.risk,
      tool: step.kind === 'tool' ? step.tool : null,
      compensation: step.kind === 'tool' ? (step.compensation ?? null) : null,
      deadlineSeconds:
        step.kind === 'tool'
          ? null
          : step.kind === 'job-wait'
            ? step.waitSecondsMax
            : step.deadlineSeconds,
    });
  }
}

@Directive('@key(fields: "id")')
@ObjectType('Playbook', {
  implements: Node,
  description: 'One version of a way of working. It never changes: a change is a new version.',
})
export class Playbook extends Node {
  @Field(() => String, { description: 'Names the playbook in all its versions.' }) key!: string;
  @Field(() => Int) version!: number;
  @Field(() => ID) verticalId!: string;
  @Field(() => String) name!: string;
  @Field(() => String) description!: string;
  @Field(() => ID, { description: 'The role of the AI employee that acts.' }) employee!: string;
  @ListSize(5)
  @Field(() => [String], { description: 'What the employee may do elsewhere while it works.' })
  scopes!: readonly string[];
  @Field(() => JSONValue, { description: 'JSON Schema of the input of a run.' })
  inputSchema!: JsonValue;
  @ListSize(10)
  @Field(() => [PlaybookStep])
  steps!: PlaybookStep[];

  static of(data: PlaybookData): Playbook {
    const { key, version, verticalId, name, description, employee, scopes } = data;
    return Object.assign(new Playbook(), {
      ...{ id: playbookId(data), key, version, verticalId, name, description, employee, scopes },
      inputSchema: data.input,
      steps: data.steps.map((step) => PlaybookStep.of(step)),
    });
  }

  /** A version that runs still name but that this release no longer has. */
  static retired(key: string, version: number): Playbook {
    const [verticalId = ''] = key.split('.');
    const description = 'This version is retired.';
    return Playbook.of({
      ...{ key, version, verticalId, name: key, description, employee: '', scopes: [], steps: [] },
      input: { type: 'object', properties: {}, required: [], additionalProperties: false },
    });
  }
}

@Resolver()
export class PlaybookResolver {
  @Authorized('verticals:read')
  @ListSize(10)
  @Query(() => [Playbook], { description: 'The newest version of each playbook.' })
  playbooks(
    @Ctx() ctx: Context,
    @Arg('verticalId', () => ID, { nullable: true }) verticalId?: string,
  ): Playbook[] {
    return ctx.deps.catalogue.newest
      .filter((playbook) => verticalId === undefined || playbook.verticalId === verticalId)
      .map((playbook) => Playbook.of(playbook));
  }

  @Authorized('verticals:read')
  @Query(() => Playbook, {
    nullable: true,
    description: 'A version by its id (key@version), or the newest by its key.',
  })
  playbook(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Playbook | null {
    const data = ctx.deps.catalogue.find(id);
    return data ? Playbook.of(data) : null;
  }
}
