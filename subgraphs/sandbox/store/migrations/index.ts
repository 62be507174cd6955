import { addRooms } from './add-rooms.ts';
import { createJobs } from './create-jobs.ts';
import { storeArtifactsOutside } from './store-artifacts-outside.ts';
import { uploadArtifacts } from './upload-artifacts.ts';

/** In the order in which they run. One that is released is never changed. */
export const migrations = [createJobs, storeArtifactsOutside, addRooms, uploadArtifacts];
