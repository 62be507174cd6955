import process from 'node:process';
import type { Config } from '../shared/config.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import type { Load } from './domain/quota.ts';
import { artifactRoute } from './graph/artifact-route.ts';
import { startGate } from './graph/gate/server.ts';
import { CancelJobResolver } from './graph/cancel-job.ts';
import { JobArtifactsResolver } from './graph/job-artifacts.ts';
import { JobAttemptsResolver } from './graph/job-attempts.ts';
import { jobEventTypes } from './graph/job-event.ts';
import { JobEventsOfJobResolver, JobEventsResolver } from './graph/job-events.ts';
import { JobLogsResolver } from './graph/job-logs.ts';
import { JobSecurityResolver } from './graph/job-security.ts';
import { JobSpecResolver } from './graph/job-spec.ts';
import { JobTemplateResolver } from './graph/job-template.ts';
import { JobWaitingResolver } from './graph/job-waiting.ts';
import { JobsResolver } from './graph/jobs.ts';
import { SandboxQuotaResolver, Tenant } from './graph/quota.ts';
import { references } from './graph/references.ts';
import { RetryJobResolver } from './graph/retry-job.ts';
import { SandboxRoomResolver } from './graph/sandbox-room.ts';
import { SubmitJobResolver } from './graph/submit-job.ts';
import type { ArtifactStorage } from './providers/artifact-storage.ts';
import { folderStorage } from './providers/folder-storage.ts';
import { readClusterSettings } from './providers/kubernetes/settings-file.ts';
import { kubernetesRunner } from './providers/kubernetes.ts';
import { kubernetesRooms } from './providers/kubernetes-rooms.ts';
import { localRunner } from './providers/local.ts';
import type { Runner } from './providers/runner.ts';
import { s3Storage } from './providers/s3-storage.ts';
import { noRooms } from './providers/rooms.ts';
import { migrations } from './store/migrations/index.ts';
import { entities } from './store/rows.ts';
import { admission } from './workflows/admission.ts';
import type { Rooms, SandboxDeps } from './workflows/deps.ts';
import { standardPace } from './workflows/deps.ts';
import { endClosed } from './workflows/end-closed.ts';
import { keepRooms } from './workflows/keep-rooms.ts';
import { onAttemptSettled } from './workflows/on-attempt-settled.ts';
import { onHoldDecided } from './workflows/on-hold-decided.ts';
import { runJob } from './workflows/run-job.ts';
import { sweepContents } from './workflows/sweep-contents.ts';
import { sweepDeadlines } from './workflows/sweep-deadlines.ts';
import { sweepKept } from './workflows/sweep-kept.ts';
import { sweepRunner } from './workflows/sweep-runner.ts';

/** What may run at once, of all tenants together: more than cores, since programs mostly wait. */
const machineCapacity: Load = { jobs: 8, cpuMillicores: 16_000, memoryMib: 8_192 };

/** The same of a cluster: what its nodes and the quotas of its namespaces hold is less, and known to it alone. */
const clusterCapacity: Load = { jobs: 1_000, cpuMillicores: 4_000_000, memoryMib: 8_388_608 };

/** Sandbox: customers' programs in isolation, watched while they run, and always ended. */
export function sandbox(
  config: Config,
  kernel: Pick<Kernel, 'clock' | 'keys' | 'log'>,
  runner: Runner = runnerOf(config, kernel),
  storage: ArtifactStorage = storageOf(config),
): Subgraph<SandboxDeps> {
  return {
    name: 'sandbox',
    resolvers: [
      JobsResolver,
      JobAttemptsResolver,
      JobWaitingResolver,
      JobSecurityResolver,
      JobSpecResolver,
      JobLogsResolver,
      JobArtifactsResolver,
      JobEventsOfJobResolver,
      JobEventsResolver,
      SubmitJobResolver,
      CancelJobResolver,
      RetryJobResolver,
      JobTemplateResolver,
      SandboxQuotaResolver,
      SandboxRoomResolver,
    ],
    orphanedTypes: [...jobEventTypes, Tenant],
    references,
    entities,
    migrations,
    ...dutiesOf(config),
    notes: () => notesOf(runner),
    deps: {
      runner,
      rooms: roomsOf(config, runner),
      storage,
      clock: kernel.clock,
      capacity: runner.name === 'kubernetes' ? clusterCapacity : machineCapacity,
      pace: standardPace,
      links: { key: kernel.keys.link, baseUrl: config.sandbox.artifacts.url },
      uploadKey: kernel.keys.upload,
    },
    routes: (db) => [artifactRoute({ db, clock: kernel.clock, key: kernel.keys.link, storage })],
    ...gateOf(config, kernel, storage),
    close: () => storage.close(),
  };
}

async function notesOf(runner: Runner): Promise<readonly string[]> {
  const check = await runner.check();
  if (check.kind !== 'ready') return [`no job can run here: ${check.message}`];
  const unkept =
    'The files that jobs leave are not kept: the settings of the cluster name no gate.';
  return [...check.weaker, ...(runner.collects === 'nothing' ? [unkept] : [])];
}

/** What this process does of what no request waits for. One that keeps rooms alone runs nothing. */
function dutiesOf({
  sandbox: { duties },
}: Config): Pick<Subgraph<SandboxDeps>, 'workflows' | 'consumers' | 'chores'> {
  if (duties === 'tenancy') return { workflows: [], consumers: [], chores: [keepRooms] };
  const chores = [admission, sweepDeadlines, sweepRunner, sweepKept, sweepContents, endClosed];
  return {
    workflows: [runJob],
    consumers: [onHoldDecided, onAttemptSettled],
    chores: duties === 'programs' ? chores : [...chores, keepRooms],
  };
}

function roomsOf({ sandbox: config }: Config, runner: Runner): Rooms {
  if (runner.name !== 'kubernetes') return { areNeeded: false, keeper: noRooms };
  const { duties, kubeconfig, settingsFile } = config;
  if (duties === 'programs') return { areNeeded: true };
  const settings = readClusterSettings(settingsFile);
  return { areNeeded: true, keeper: kubernetesRooms({ kubeconfig, settings }) };
}

function runnerOf({ sandbox: config }: Config, { log }: Pick<Kernel, 'log'>): Runner {
  const { driver, rootDir, kubeconfig, settingsFile } = config;
  if (driver === 'local') return localRunner({ root: rootDir, nodeBinary: process.execPath, log });
  return kubernetesRunner({ kubeconfig, settings: readClusterSettings(settingsFile), log });
}

function storageOf({ sandbox: { artifacts } }: Config): ArtifactStorage {
  return artifacts.s3 === undefined ? folderStorage(artifacts.folder) : s3Storage(artifacts.s3);
}

function gateOf(
  { sandbox: { artifacts, duties } }: Config,
  { clock, keys, log }: Pick<Kernel, 'clock' | 'keys' | 'log'>,
  storage: ArtifactStorage,
): Pick<Subgraph, 'listen'> {
  const { gate } = artifacts;
  if (!gate || duties === 'tenancy') return {};
  return { listen: (db) => startGate({ ...gate, db, clock, key: keys.upload, storage, log }) };
}
