import { GraphQLError } from 'graphql';
import { RequestErrors } from '../errors.ts';

/** A no to the way in which an operation was named or sent; its codes are Apollo's. */
export class PersistedRefusal extends RequestErrors {
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super([new GraphQLError(message, { extensions: { code } })]);
    this.status = status;
  }
}

/** Clients send the text once when they read this; the message is part of their protocol. */
export const notFound = (): PersistedRefusal =>
  new PersistedRefusal('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound', 200);

export const mismatch = (): PersistedRefusal =>
  new PersistedRefusal('BAD_REQUEST', 'The hash is not that of the text.', 400);

export const badExtension = (): PersistedRefusal =>
  new PersistedRefusal(
    'BAD_REQUEST',
    'extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"}.',
    400,
  );

export const notInList = (id: string): PersistedRefusal =>
  new PersistedRefusal(
    'PERSISTED_QUERY_NOT_IN_LIST',
    `No operation with the id ${JSON.stringify(id.slice(0, 100))} is on the list.`,
    404,
  );

export const notInSafelist = (): PersistedRefusal =>
  new PersistedRefusal(
    'QUERY_NOT_IN_SAFELIST',
    'Only listed operations are run here, and this one is not on the list.',
    403,
  );

export const idRequired = (): PersistedRefusal =>
  new PersistedRefusal(
    'PERSISTED_QUERY_ID_REQUIRED',
    'Only listed operations are run here: send the id of one instead of a text.',
    403,
  );

export const idAndText = (): PersistedRefusal =>
  new PersistedRefusal(
    'CANNOT_SEND_PQ_ID_AND_BODY',
    'Send the id of a listed operation without its text.',
    400,
  );
