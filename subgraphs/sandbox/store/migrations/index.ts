import { createJobs } from './create-jobs.ts';

/** In the order in which they run. One that is released is never changed. */
export const migrations = [createJobs];
