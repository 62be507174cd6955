import { ForgeError } from '../../../shared/errors.ts';
import type { Log } from '../../../shared/log.ts';
import type { StartAnswer, StartOrder, StartRefusal } from '../runner.ts';
import type { ClusterClient } from './client.ts';
import { ClusterError, NoClusterAnswer, isStatus } from './cluster-error.ts';
import { mainStateOf } from './cluster-objects.ts';
import type { JobObject } from './cluster-objects.ts';
import { keyOf, textOf } from './cluster-view.ts';
import type { ClusterView } from './cluster-view.ts';
import { attemptObjects } from './manifests/attempt.ts';
import type { AttemptObjects } from './manifests/attempt.ts';
import { ownedBy } from './manifests/attempt/secret.ts';
import { annotationNames } from './manifests/names.ts';
import { violations } from './manifests/rules.ts';
import type { Violation } from './manifests/rules.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';

interface Places {
  readonly client: ClusterClient;
  readonly view: ClusterView;
  readonly settings: SandboxClusterSettings;
  readonly log: Log;
}

/**
 * Puts an attempt on the cluster, or finds it there.
 *
 * Its name follows from its key alone, so it can be created once, whoever
 * tries. A creation without an answer is looked up before it is repeated. The
 * Job comes first and owns the Secret, for which its pod waits: a crash between
 * the two is mended by asking again. An object under that name that is not this
 * attempt is left as it is. Nothing is sent that breaks a rule.
 */
export async function placeAttempt(
  places: Places,
  order: StartOrder,
  signal: AbortSignal | undefined,
): Promise<StartAnswer> {
  const { view, settings } = places;
  const objects = attemptObjects(order, settings);
  if (objects.kind === 'refused') {
    const isMissing = settings.templates[order.template] === undefined;
    return refused(isMissing ? 'TEMPLATE_UNAVAILABLE' : 'START_FAILED', objects.message);
  }
  const wrong = [
    ...violations('Job', objects.job, settings),
    ...violations('Secret', objects.secret, settings),
  ];
  if (wrong.length > 0) {
    const [{ rule, field, says }] = wrong as [Violation];
    return refused('START_FAILED', `Not sent: ${rule} (${field}). ${says}`);
  }
  try {
    await view.ready(signal);
    const known = view.jobs.get(objects.namespace, nameOf(objects));
    const job = known ?? (await created(places, objects, signal));
    const conflict = conflictIn(places, order, objects, job);
    if (conflict) return conflict;
    view.jobs.learn(job);
    await giveSecret(places, objects, job, signal);
    return { kind: 'started' };
  } catch (error) {
    if (isQuotaUsedUp(error)) return { kind: 'postponed', message: quotaInUse(error) };
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    throw error;
  }
}

function nameOf({ job }: AttemptObjects): string {
  return job.metadata?.name ?? '';
}

async function created(
  { client }: Places,
  objects: AttemptObjects,
  signal: AbortSignal | undefined,
): Promise<JobObject> {
  const path = `/apis/batch/v1/namespaces/${objects.namespace}/jobs`;
  try {
    return await client.call<JobObject>({ verb: 'create', path, body: objects.job, signal });
  } catch (error) {
    const mayBeThere = isStatus(error, 409, 500, 502, 503, 504) || error instanceof NoClusterAnswer;
    if (!mayBeThere) throw error;
    const found = `${path}/${nameOf(objects)}`;
    try {
      return await client.call<JobObject>({ verb: 'get', path: found, signal });
    } catch (missing) {
      if (isStatus(missing, 404)) throw askAgain('The Job is not there.', error);
      throw missing;
    }
  }
}

/** Whether what has the name is somebody else's. The same attempt with another order is this attempt. */
function conflictIn(
  { log }: Places,
  { key, tenantId }: StartOrder,
  objects: AttemptObjects,
  job: JobObject,
): StartRefusal | undefined {
  const found = keyOf(job);
  const { [annotationNames.tenantId]: owner, [annotationNames.specHash]: hash } =
    job.metadata.annotations ?? {};
  if (!found || textOf(found) !== textOf(key) || owner !== tenantId) {
    return refused('START_FAILED', `NAME_CONFLICT: ${job.metadata.name} is not of this attempt.`);
  }
  if (hash !== objects.job.metadata?.annotations?.[annotationNames.specHash]) {
    log.warn({ ...key }, 'an attempt was asked for again with another order: the first one counts');
  }
  return undefined;
}

async function giveSecret(
  { client, view }: Places,
  { namespace, secret }: AttemptObjects,
  job: JobObject,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pod = view.seenPod(job)?.pod;
  const { running, terminated } = pod ? mainStateOf(pod) : {};
  if (running ?? terminated) return;
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  try {
    const body = ownedBy(secret, job.metadata.uid);
    await client.call({ verb: 'create', path, body, signal });
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
  }
}

function refused(reason: StartRefusal['reason'], message: string): StartRefusal {
  return { kind: 'refused', reason, message };
}

/** Nothing was made, and it passes when something of the tenant ends. */
function isQuotaUsedUp(error: unknown): error is ClusterError {
  return isStatus(error, 403) && error.message.includes('exceeded quota');
}

/** Which of its limits, in the words of Kubernetes: `limited: count/jobs.batch=50`. */
function quotaInUse({ message }: ClusterError): string {
  const [, limited = ''] = /limited: (.+)$/.exec(message) ?? [];
  return `The quota of its namespace is in use${limited === '' ? '' : ` (${limited})`}.`;
}

/** What the cluster will say again, however often it is asked. */
function refusalOf(error: unknown): StartRefusal | undefined {
  if (!(error instanceof ClusterError)) return undefined;
  const { status, reason, message } = error;
  if (![400, 403, 413, 422].includes(status)) return undefined;
  return refused('START_FAILED', `${reason}: ${message}`);
}

function askAgain(message: string, cause: unknown): ForgeError {
  return new ForgeError('PROVIDER_UNAVAILABLE', message, { cause, retryable: true });
}
