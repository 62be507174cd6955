import type { StartAnswer } from '../runner.ts';
import { isSupervised } from './attempt-folder.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import { lookAt } from './sight.ts';
import { startSupervisor } from './supervisor.ts';
import type { SupervisorExit } from './supervisor.ts';
import { until } from './until.ts';

/** A program starts in a tenth of a second. Past this, `look` tells how it goes on. */
const startWaitMsMax = 15_000;
const supervisorsMax = 2;

/** Gives the attempt a supervisor if it has none, and tells how its start ends. */
export async function begin(
  perl: string,
  folder: AttemptFolder,
  signal: AbortSignal | undefined,
): Promise<StartAnswer> {
  let message = '';
  for (let supervisors = 0; supervisors < supervisorsMax; supervisors += 1) {
    const supervisor = { isDead: false };
    const isSettled = async (): Promise<boolean> =>
      supervisor.isDead || (await lookAt(folder)).kind !== 'starting';
    if (!(await isSettled()) && !(await isSupervised(folder))) {
      void exitOf(perl, folder).then((exit) => {
        if (exit.kind !== 'died') return;
        message = exit.message;
        supervisor.isDead = true;
      });
    }
    await until(isSettled, folder, startWaitMsMax, signal);
    const sight = await lookAt(folder);
    if (sight.kind === 'refused') return sight;
    if (sight.kind !== 'starting' || !supervisor.isDead) return { kind: 'started' };
  }
  return { kind: 'refused', reason: 'START_FAILED', message };
}

async function exitOf(perl: string, folder: AttemptFolder): Promise<SupervisorExit> {
  try {
    return await startSupervisor(perl, folder);
  } catch (cause) {
    return { kind: 'died', message: String(cause) };
  }
}
