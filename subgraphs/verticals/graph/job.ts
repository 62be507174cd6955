import { Directive, Field, ID, ObjectType } from 'type-graphql';

/** A sandbox job, known here by its id alone; `run-links.ts` says which run submitted it. */
@Directive('@key(fields: "id")')
@ObjectType('Job')
export class Job {
  @Field(() => ID) id!: string;

  static of(id: string): Job {
    return Object.assign(new Job(), { id });
  }
}
