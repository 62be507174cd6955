import { constants } from 'node:os';
import { join } from 'node:path';
import type { AttemptSight, AttemptUsage, Verdict } from '../runner.ts';
import { exists, isSupervised, readText } from './attempt-folder.ts';
import type { AttemptFolder } from './attempt-folder.ts';

/** As the supervisor writes it: see `state.pl`. */
type State =
  | { readonly kind: 'running'; readonly startedAt: number; readonly usage: WrittenUsage }
  | {
      readonly kind: 'ended';
      readonly startedAt: number;
      readonly finishedAt: number;
      readonly usage: WrittenUsage;
      readonly verdict: Omit<Verdict, 'signal'> & { readonly signal: number | null };
    }
  | { readonly kind: 'refused'; readonly message: string };

type WrittenUsage = Omit<AttemptUsage, 'at'> & { readonly at: number };

/**
 * Tells where an attempt stands, from its folder alone.
 *
 * A state that is not the last one is only believed while its supervisor is
 * alive. It is read again when that is dead: it may have ended in between.
 */
export async function lookAt(folder: AttemptFolder): Promise<AttemptSight> {
  const state = await readState(folder);
  if (!state) return (await exists(folder.path)) ? { kind: 'starting', pulling: false } : absent;
  if (state.kind !== 'running') return sightOf(state);
  if (await isSupervised(folder)) return sightOf(state);

  const last = await readState(folder);
  if (!last) return absent;
  if (last.kind !== 'running') return sightOf(last);
  const usage = usageOf(last.usage);
  const startedAt = new Date(last.startedAt);
  const message = 'The supervisor of the program is gone, and everything of it with it.';
  return { kind: 'lost', startedAt, lastSeenAt: usage.at, usage, message };
}

const absent = { kind: 'absent' } as const;

async function readState(folder: AttemptFolder): Promise<State | undefined> {
  const text = await readText(join(folder.path, 'state'));
  return text === undefined ? undefined : (JSON.parse(text) as State);
}

function sightOf(state: State): AttemptSight {
  switch (state.kind) {
    case 'refused':
      return { kind: 'refused', reason: 'START_FAILED', message: state.message };
    case 'running':
      return {
        kind: 'running',
        startedAt: new Date(state.startedAt),
        usage: usageOf(state.usage),
      };
    case 'ended':
      return {
        kind: 'ended',
        startedAt: new Date(state.startedAt),
        finishedAt: new Date(state.finishedAt),
        usage: usageOf(state.usage),
        verdict: { ...state.verdict, signal: signalName(state.verdict.signal) },
      };
  }
}

function usageOf(usage: WrittenUsage): AttemptUsage {
  return { ...usage, at: new Date(usage.at) };
}

function signalName(number: number | null): string | null {
  if (number === null) return null;
  const [name] = Object.entries(constants.signals).find(([, n]) => n === number) ?? [];
  return name ?? `SIG${String(number)}`;
}
