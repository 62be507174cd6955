import { createRuns } from './create-runs.ts';

/** In the order in which they run. One that is released is never changed. */
export const migrations = [createRuns];
