import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { Actor } from '../../shared/auth.ts';
import { badInput } from '../../shared/errors.ts';
import type { JobReason as JobReasonData } from '../domain/job-reason.ts';
import { jobStates } from '../domain/job-state.ts';
import { roomStates } from '../domain/room.ts';

/** The enumerations of the graph, one name each. */
export const JobStateEnum = enumOf('JobState', jobStates, 'Where a job stands.');
export const RoomStateEnum = enumOf(
  'SandboxRoomState',
  roomStates,
  'Where the place stands in which programs run.',
);
export const IsolationEnum = enumOf(
  'IsolationTier',
  ['GVISOR', 'KATA', 'USERNS', 'NAMESPACES', 'NONE'],
  'What parts a program from the kernel of its machine. NONE: nothing is known to.',
);
export const EgressEnum = enumOf(
  'JobEgress',
  ['NONE', 'PROXY'],
  'What a program can reach: nothing, or the egress proxy alone.',
);
export const LogStreamEnum = enumOf(
  'LogStream',
  ['STDOUT', 'STDERR'],
  'Where a program wrote a line.',
);
export const JobActorTypeEnum = enumOf(
  'JobActorType',
  ['USER', 'SERVICE', 'AI_EMPLOYEE'],
  'What kind of actor somebody is.',
);

@ObjectType('JobReason', { description: 'Why a job stands where it stands.' })
export class JobReason {
  @Field(() => String, { description: 'For programs.' }) code!: string;
  @Field(() => String, { description: 'For people.' }) message!: string;
  @Field(() => Boolean, { description: 'Whether the same job, sent again, may end otherwise.' })
  retryable!: boolean;

  static of(reason: JobReasonData | null): JobReason | null {
    return reason && Object.assign(new JobReason(), reason);
  }
}

@ObjectType('JobActor', { description: 'Who submitted a job.' })
export class JobActor {
  @Field(() => JobActorTypeEnum) type!: string;
  @Field(() => ID) id!: string;

  static of({ type, id }: Actor): JobActor {
    return Object.assign(new JobActor(), { type: type.toUpperCase().replace('-', '_'), id });
  }
}

/** Takes a text of a client, or says by its name what is wrong with it. */
export function boundedText(field: string, text: string, lengthMax: number): string {
  if (text.length > lengthMax) {
    throw badInput(`"${field}" must have at most ${String(lengthMax)} characters.`, field);
  }
  if (text.includes('\u0000') || !text.isWellFormed()) {
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
