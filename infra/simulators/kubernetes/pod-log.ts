import type { ContainerLog, Entry } from './container-log.ts';
import { stampOf } from './container-log.ts';
import type { Pod } from './objects.ts';
import type { Reply } from './reply.ts';
import { StatusError } from './status.ts';

/**
 * Answers `GET …/pods/x/log`.
 *
 * `sinceTime` counts in whole seconds, as it is cut to them on its way to the
 * kubelet. A follower that is stalled gets nothing more, and is not told.
 */
export function podLog(
  pod: Pod,
  logOf: (container: string) => ContainerLog | undefined,
  query: URLSearchParams,
  reply: Reply,
  stalled: Set<Reply>,
): void {
  const container = query.get('container') ?? pod.spec.containers[0]?.name ?? '';
  const log = logOf(container);
  if (!log) throw notStarted(pod, container);

  const since = query.get('sinceTime');
  const sinceNanos =
    since === null ? 0n : BigInt(Math.floor(Date.parse(since) / 1_000)) * 10n ** 9n;
  const bytesMax = Number(query.get('limitBytes') ?? Infinity);
  const withStamps = query.get('timestamps') === 'true';
  const isFollowing = query.get('follow') === 'true';
  let sent = 0;
  let next = log.start;
  reply.head(200, { 'content-type': 'text/plain' });

  const send = (): void => {
    if (stalled.has(reply)) return;
    const chunks: Buffer[] = [];
    for (const entry of log.from(next)) {
      next += 1;
      if (entry.atNanos >= sinceNanos) chunks.push(lineOf(entry, withStamps));
    }
    const bytes = Buffer.concat(chunks).subarray(0, bytesMax - sent);
    sent += bytes.length;
    if (bytes.length > 0) reply.write(bytes);
    if (!isFollowing || log.isClosed || sent >= bytesMax) reply.end();
  };
  const off = isFollowing ? log.onChange(send) : () => undefined;
  reply.onClose(off);
  send();
}

function lineOf({ atNanos, bytes }: Entry, withStamps: boolean): Buffer {
  return withStamps ? Buffer.concat([Buffer.from(`${stampOf(atNanos)} `), bytes]) : bytes;
}

function notStarted({ metadata, spec, status }: Pod, container: string): StatusError {
  const { name } = metadata;
  if (![...spec.containers, ...(spec.initContainers ?? [])].some((one) => one.name === container)) {
    return new StatusError(
      400,
      'BadRequest',
      `container ${container} is not valid for pod ${name}`,
    );
  }
  const waiting = status.containerStatuses?.find((one) => one.name === container)?.state.waiting;
  const why = waiting?.reason ?? 'ContainerCreating';
  const message = `container "${container}" in pod "${name}" is waiting to start: ${why}`;
  return new StatusError(400, 'BadRequest', message);
}
