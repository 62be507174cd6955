import type { Flow } from './flow.ts';
import { askUntil } from './flow.ts';

/**
 * Removes what is left of an attempt on its runner. If the runner does not
 * answer for long, the sweep does it later.
 */
export async function tidyUp(flow: Flow): Promise<void> {
  const { run, deps, ref } = flow;
  const until = new Date(deps.clock.now().getTime() + patienceMs);
  await askUntil(flow, until, () => deps.runner.remove(ref, { signal: run.signal }));
}

const patienceMs = 10_000;
