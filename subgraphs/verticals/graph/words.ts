import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { badInput } from '../../shared/errors.ts';
import type { Decider } from '../domain/approval.ts';
import { approvalStates } from '../domain/approval.ts';
import { reportStates } from '../domain/check-report.ts';
import { riskClasses } from '../domain/playbook.ts';
import { runStates, stepStates } from '../domain/run.ts';

/** The enumerations of the graph, one name each. */
export const RunStateEnum = enumOf('RunState', runStates, 'Where a playbook run stands.');
export const RunStepStateEnum = enumOf('RunStepState', stepStates, 'Where a step of a run stands.');
export const ApprovalStateEnum = enumOf(
  'ApprovalState',
  approvalStates,
  'Where an approval stands.',
);
export const CheckReportStateEnum = enumOf(
  'CheckReportState',
  reportStates,
  'Whether a report is shown.',
);
export const RiskClassEnum = enumOf(
  'RiskClass',
  riskClasses,
  'What goes wrong at worst when a step does the wrong thing.',
);
export const PlaybookStepKindEnum = enumOf(
  'PlaybookStepKind',
  ['TOOL', 'JOB_WAIT', 'APPROVAL'],
  'What a step does: call a tool, wait for a job, or wait for a decision.',
);
export const RunActorTypeEnum = enumOf(
  'RunActorType',
  ['USER', 'SERVICE', 'AI_EMPLOYEE'],
  'What kind of actor somebody is.',
);
export const ApprovalVerdictEnum = enumOf(
  'ApprovalVerdict',
  ['APPROVE', 'REJECT'],
  'What somebody decides about an approval.',
);

@ObjectType('RunActor', { description: 'Who asked for something or decided it.' })
export class RunActor {
  @Field(() => RunActorTypeEnum) type!: string;
  @Field(() => ID) id!: string;

  static of({ type, id }: Decider): RunActor {
    return Object.assign(new RunActor(), { type: type.toUpperCase().replace('-', '_'), id });
  }
}

/** Takes a text of a client, or says by its name what is wrong with it. */
export function boundedText(field: string, text: string, lengthMax: number): string {
  if (text.length > lengthMax) {
    throw badInput(`"${field}" must have at most ${String(lengthMax)} characters.`, field);
  }
  if (text.includes('\u0000') || /\p{Surrogate}/u.test(text)) {
    throw badInput(`"${field}" contains characters that cannot be stored.`, field);
  }
  return text;
}

function enumOf<T extends string>(
  name: string,
  values: readonly T[],
  description: string,
): Record<T, T> {
  const object = Object.fromEntries(values.map((value) => [value, value])) as Record<T, T>;
  registerEnumType(object, { name, description });
  return object;
}
