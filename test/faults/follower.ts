import { setTimeout as wait } from 'node:timers/promises';
import { read } from '../../gateway/fixtures/clients.ts';
import type { ClientName, GatewayAddress } from '../../gateway/fixtures/clients.ts';
import { isAborted } from '../../subgraphs/shared/time.ts';

/** What one subscriber of a job was given, through all interruptions. */
export interface Followed {
  readonly jobId: string;
  readonly client: ClientName;
  /** Every event that was given, in the order in which it came. */
  readonly seqs: number[];
  readonly ends: string[];
  /** How often it was cut off, or refused, and came back with its last cursor. */
  interruptions: number;
  /** The last event after which it went on; 0 if it never had to. */
  resumedAt: number;
  /** Errors that were answered in place of events. */
  readonly errors: string[];
}

interface EventOfJob {
  readonly __typename: string;
  readonly seq: number;
  readonly cursor: string;
  readonly state?: string;
}

const query = (jobId: string, after: string | undefined): string => `subscription {
  jobEvents(jobId: "${jobId}"${after === undefined ? '' : `, after: "${after}"`}) {
    __typename seq cursor ... on JobFinished { state }
  }
}`;

/** Follows a job to its end with a real client, coming back after each interruption. */
export async function follow(
  gateway: GatewayAddress & { readonly token: string },
  client: ClientName,
  jobId: string,
  { signal, isUp = () => true }: { readonly signal: AbortSignal; readonly isUp?: () => boolean },
): Promise<Followed> {
  const followed: Followed = {
    ...{ jobId, client, seqs: [], ends: [], errors: [] },
    ...{ interruptions: 0, resumedAt: 0 },
  };
  let cursor: string | undefined;
  for (;;) {
    const reading = read(gateway, client, query(jobId, cursor), gateway.token);
    const left = new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    await Promise.race([reading.ended, left]);
    reading.leave();
    for (const { data, errors } of reading.results) {
      const event = (data as { jobEvents?: EventOfJob } | null | undefined)?.jobEvents;
      if (!event) {
        // Apollo gives a connection that broke as a result as well: only what was answered counts.
        const told = errors?.filter((error) => 'extensions' in error) ?? [];
        followed.errors.push(...told.map((error) => JSON.stringify(error)));
        continue;
      }
      followed.seqs.push(event.seq);
      cursor = event.cursor;
      if (event.__typename === 'JobFinished') followed.ends.push(event.state ?? '');
    }
    if (followed.ends.length > 0 || isAborted(signal)) return followed;
    followed.interruptions += 1;
    followed.resumedAt = followed.seqs.at(-1) ?? 0;
    do await wait(200 + Math.random() * 300);
    while (!isUp() && !isAborted(signal));
  }
}
