import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../api.ts';
import { KeptChild } from './child.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** The node that the kubelet of the tests is. */
export const nodeName = 'sandbox-1';

/** Who the parts of the cluster are to the API server. */
const users = {
  admin: ['admin', 'system:masters'],
  controllers: ['system:kube-controller-manager', ''],
  scheduler: ['system:kube-scheduler', ''],
  kubelet: [`system:node:${nodeName}`, 'system:nodes'],
} as const;
type User = keyof typeof users;

export interface ControlPlane extends AsyncDisposable {
  readonly server: string;
  /** Of the API server, with the key that belongs to it beside it. */
  readonly certificate: string;
  readonly kubeconfigs: Readonly<Record<User, string>>;
  /** Where etcd speaks JSON. */
  readonly etcd: string;
}

const readyMsMax = 90_000;

/**
 * Starts etcd, the API server, its controllers and the scheduler on loopback,
 * with certificates, keys and tokens of their own in a folder. Comes back when
 * the API server is ready. A part that ends is started again.
 */
export async function startControlPlane(binary: string, folder: string): Promise<ControlPlane> {
  const [etcdPort, peerPort, port] = await freePorts(3);
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const server = `https://127.0.0.1:${port}`;
  const certificate = join(folder, 'tls/apiserver.crt');
  const tokens = await writeIdentities(folder);
  const child = (name: string, args: readonly string[]): KeptChild =>
    new KeptChild({ name, command: binary, args: [name, ...args], folder });

  const children = [
    child('etcd', etcdFlags(folder, etcd, `http://127.0.0.1:${peerPort}`)),
    child('kube-apiserver', apiServerFlags(folder, etcd, String(port), server)),
  ];
  const dispose = async (): Promise<void> => {
    await Promise.all(children.map((one) => one.stop()));
  };
  try {
    const kubeconfigs = await writeKubeconfigs(folder, { server, certificate, tokens });
    await untilReady(kubeconfigs.admin, certificate, join(folder, 'kube-apiserver.log'));
    children.push(
      child('kube-controller-manager', controllerFlags(folder, kubeconfigs.controllers)),
      child('kube-scheduler', [
        `--kubeconfig=${kubeconfigs.scheduler}`,
        '--leader-elect=false',
        '--secure-port=0',
      ]),
    );
    return { server, certificate, kubeconfigs, etcd, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function etcdFlags(folder: string, client: string, peer: string): string[] {
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerFlags(folder: string, etcd: string, port: string, server: string): string[] {
  return [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'tls')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    `--service-account-issuer=${server}`,
    `--service-account-key-file=${join(folder, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    // What every cluster should have; the other plugins are those that are on by default.
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--anonymous-auth=false',
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

/** Only those that have to do with Jobs, their pods and their namespaces. */
const controllers = [
  'job-controller',
  'ttl-after-finished-controller',
  'garbage-collector-controller',
  'pod-garbage-collector-controller',
  'namespace-controller',
  'resourcequota-controller',
  'serviceaccount-controller',
  'clusterrole-aggregation-controller',
  'root-ca-certificate-publisher-controller',
  'node-lifecycle-controller',
  'taint-eviction-controller',
  // It says what is wrong with an expression of a policy.
  'validatingadmissionpolicy-status-controller',
];

function controllerFlags(folder: string, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join(',')}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(folder, 'sa.key')}`,
    `--root-ca-file=${join(folder, 'tls/apiserver.crt')}`,
    '--leader-elect=false',
    '--secure-port=0',
  ];
}

/** The key for tokens of accounts, and the tokens of the parts themselves. */
async function writeIdentities(folder: string): Promise<Readonly<Record<User, string>>> {
  await mkdir(join(folder, 'tls'), { recursive: true });
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(join(folder, 'sa.pub'), publicKey);
  await writeFile(join(folder, 'sa.key'), privateKey, { mode: 0o600 });
  const tokens = Object.fromEntries(
    Object.keys(users).map((user) => [user, randomBytes(24).toString('hex')]),
  ) as Record<User, string>;
  const lines = Object.entries(users).map(
    ([user, [name, group]]) => `${tokens[user as User]},${name},${name},"${group}"`,
  );
  await writeFile(join(folder, 'tokens.csv'), `${lines.join('\n')}\n`, { mode: 0o600 });
  return tokens;
}

async function writeKubeconfigs(
  folder: string,
  {
    server,
    certificate,
    tokens,
  }: { server: string; certificate: string; tokens: Readonly<Record<User, string>> },
): Promise<Readonly<Record<User, string>>> {
  const written = Object.entries(tokens).map(async ([user, token]) => {
    const path = join(folder, `${user}.kubeconfig`);
    await writeKubeconfig(path, { server, certificate, token });
    return [user, path] as const;
  });
  return Object.fromEntries(await Promise.all(written)) as Record<User, string>;
}

async function untilReady(kubeconfig: string, certificate: string, log: string): Promise<void> {
  for (const end = Date.now() + readyMsMax; Date.now() < end;) {
    await sleep(200);
    // It makes its certificate itself, when it starts.
    if (!(await readFile(certificate).catch(() => undefined))) continue;
    const api = await Api.at(kubeconfig);
    const answer = await api.ask({ path: '/readyz' }).catch(() => undefined);
    await api.close();
    if (answer?.status === 200) return;
  }
  const said = (await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-15).join('\n');
  throw new Error(`The API server was not ready in ${readyMsMax / 1_000} s. It said:\n${said}`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            resolve((server.address() as AddressInfo).port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
