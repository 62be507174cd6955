import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../infra/root.ts';
import { settings as localSettings } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-programs.ts';
import { sandboxClusterSettings } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import type { SandboxClusterSettings } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import { isAborted } from '../../subgraphs/shared/time.ts';
import { Api } from './api.ts';
import { accountsOf } from './cluster/accounts.ts';
import { install, uninstall } from './cluster/install.ts';
import { startControlPlane } from './cluster/start.ts';
import { variable } from './cluster/under-test.ts';
import type { ClusterUnderTest } from './cluster/under-test.ts';
import { buildControlPlane, controlPlaneBinary, goVersion } from './control-plane/build.ts';

/**
 * Runs the sandbox's Kubernetes runner against a real API server:
 *
 *   npm run test:k8s                      builds a control plane if need be, starts it
 *   npm run test:k8s -- --cached          only if it was built before
 *   npm run test:k8s -- faults            what follows goes to Jest
 *   FORGE_TEST_KUBECONFIG=… npm run test:k8s   on a cluster that is there
 *
 * Ends with 0 when all that could run passed, or when nothing can run here: then it says why.
 */
const isCached = process.argv.includes('--cached');
const jestArguments = process.argv.slice(2).filter((word) => word !== '--cached');

const over = new AbortController();
let tests: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    over.abort();
    tests?.kill('SIGTERM');
  });
}

const given = process.env['FORGE_TEST_KUBECONFIG'];
try {
  process.exitCode = given === undefined ? await onOurs() : await onGiven(given);
} catch (error) {
  say(`failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function onOurs(): Promise<number> {
  const binary = await controlPlaneBinary();
  const go = await goVersion();
  if (!binary.isBuilt && isCached) return skipped('the control plane is not built yet');
  if (!binary.isBuilt && go === undefined) {
    return skipped('there is no Go to build Kubernetes with, and FORGE_TEST_KUBECONFIG names none');
  }
  if (!binary.isBuilt) {
    say(`builds Kubernetes ${binary.version} with ${go}: some minutes, the first time`);
    await buildControlPlane(binary);
  }
  const folder = await mkdtemp(join(tmpdir(), 'forge-k8s-'));
  try {
    const began = Date.now();
    await using plane = await startControlPlane(binary.path, folder);
    const { admin, kubelet } = plane.kubeconfigs;
    say(`Kubernetes ${binary.version} at ${plane.server}, ready in ${Date.now() - began} ms`);
    const { etcd, certificate } = plane;
    const own = { folder, etcd, certificate, kubeletKubeconfig: kubelet };
    return await onCluster(admin, folder, localSettings, { own });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** On a cluster of somebody: what is put there is taken away again. */
async function onGiven(kubeconfig: string): Promise<number> {
  const settingsFile = process.env['FORGE_TEST_SANDBOX_SETTINGS'];
  const settings =
    settingsFile === undefined
      ? localSettings
      : sandboxClusterSettings.parse(JSON.parse(await readFile(settingsFile, 'utf8')));
  if (settingsFile === undefined) {
    say('skips what runs programs: FORGE_TEST_SANDBOX_SETTINGS names no images of this cluster');
  }
  const folder = await mkdtemp(join(tmpdir(), 'forge-k8s-'));
  try {
    return await onCluster(kubeconfig, folder, settings, { settingsFile });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onCluster(
  kubeconfig: string,
  folder: string,
  settings: SandboxClusterSettings,
  known: Pick<ClusterUnderTest, 'own' | 'settingsFile'>,
): Promise<number> {
  const api = await Api.at(kubeconfig);
  const made = await install(api, settings);
  try {
    const accounts = await accountsOf(api, kubeconfig, folder, settings);
    return await runTests({ kubeconfigs: { admin: kubeconfig, ...accounts }, ...known });
  } finally {
    if (!known.own) await uninstall(api, made);
    await api.close();
  }
}

async function runTests(cluster: ClusterUnderTest): Promise<number> {
  if (isAborted(over.signal)) return 130;
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const config = ['--config', join(root, 'test/kubernetes/jest.config.mjs'), '-i', '--verbose'];
  tests = spawn(process.execPath, [...flags, jest, ...config, ...jestArguments], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, [variable]: JSON.stringify(cluster) },
  });
  const code = await new Promise<number | null>((resolve) => tests?.once('exit', resolve));
  return isAborted(over.signal) ? 130 : (code ?? 1);
}

function skipped(why: string): number {
  say(`skipped: ${why}`);
  return 0;
}

function say(text: string): void {
  process.stdout.write(`test:k8s ${text}\n`);
}
