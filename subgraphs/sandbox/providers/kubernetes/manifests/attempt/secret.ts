import type { Secret } from '../objects.ts';
import { attemptName } from '../names.ts';
import type { AttemptOrder } from './order.ts';
import { envKey, sourceFile } from './program.ts';

export const uploadTokenKey = 'upload-token';

/** Stands for the uid of a Job that the cluster has not made yet. */
export const uidUnknown = '00000000-0000-0000-0000-000000000000';

/**
 * The program, its variables and its upload token: all of an attempt that is
 * nobody else's business. It never changes, and goes when its Job goes.
 */
export function attemptSecret(
  order: AttemptOrder,
  metadata: Pick<NonNullable<Secret['metadata']>, 'namespace' | 'labels' | 'annotations'>,
): Secret {
  const name = attemptName(order.key);
  const entries = [
    ['source', order.source],
    ...order.env.map(({ value }, n) => [envKey(n), value]),
    ...(order.uploadToken === undefined ? [] : [[uploadTokenKey, order.uploadToken]]),
  ] as const;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      ...metadata,
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid: uidUnknown }],
    },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(
      entries.map(([key = '', value = '']) => [key, Buffer.from(value).toString('base64')]),
    ),
  };
}

/** The Secret as the Job's own, once the cluster has told the Job's uid: with the Job it goes. */
export function ownedBy(secret: Secret, jobUid: string): Secret {
  const owners = secret.metadata?.ownerReferences ?? [];
  return {
    ...secret,
    metadata: {
      ...secret.metadata,
      ownerReferences: owners.map((owner) => ({ ...owner, uid: jobUid })),
    },
  };
}

/** Only the source lies in the folder of the job: variables are no files, the token is not its. */
export function sourceItems(order: AttemptOrder): { key: string; path: string; mode: number }[] {
  return [{ key: 'source', path: sourceFile(order), mode: 0o444 }];
}
