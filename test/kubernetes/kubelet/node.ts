import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Kubelet } from '../../../infra/simulators/kubernetes/kubelet.ts';
import type { PodScript } from '../../../infra/simulators/kubernetes/kubelet.ts';
import type { Pod } from '../../../infra/simulators/kubernetes/objects.ts';
import { timestamp } from '../../../infra/simulators/kubernetes/objects.ts';
import { podLog } from '../../../infra/simulators/kubernetes/pod-log.ts';
import { Reply } from '../../../infra/simulators/kubernetes/reply.ts';
import { resources } from '../../../infra/simulators/kubernetes/resources.ts';
import { StatusError } from '../../../infra/simulators/kubernetes/status.ts';
import { isAborted, sleep } from '../../../subgraphs/shared/time.ts';
import { Api } from '../api.ts';
import { PodMirror } from './pod-mirror.ts';

export interface NodeOptions {
  readonly name: string;
  /** As whom the kubelet speaks to the API server. */
  readonly kubeconfig: string;
  /** What it shows the API server, with its key beside it. */
  readonly certificate: string;
  readonly script: PodScript;
}

const heartbeatMs = 10_000;

/**
 * A node of a real cluster, in the process of a test: the scheduler puts pods
 * on it, the simulator's scripts say what becomes of them, and the API server
 * asks it for their logs. Like any kubelet it may read and change what is on
 * its node alone.
 */
export class TestNode implements AsyncDisposable {
  readonly kubelet: Kubelet;
  readonly #api: Api;
  readonly #mirror: PodMirror;
  readonly #server: Server;
  readonly #over = new AbortController();
  #beating: Promise<void> = Promise.resolve();

  private constructor(api: Api, tls: { key: string; cert: string }, options: NodeOptions) {
    this.#api = api;
    this.#mirror = new PodMirror(api, options.name);
    this.kubelet = new Kubelet(this.#mirror.store, options.script);
    this.#server = createServer(tls, (request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(
    make: (store: () => PodMirror['store']) => PodScript,
    options: Omit<NodeOptions, 'script'>,
  ): Promise<TestNode> {
    const key = options.certificate.replace(/[.]crt$/, '.key');
    const tls = {
      cert: await readFile(options.certificate, 'utf8'),
      key: await readFile(key, 'utf8'),
    };
    const script = make(() => node.#mirror.store);
    const node = new TestNode(await Api.at(options.kubeconfig), tls, { ...options, script });
    await new Promise<void>((resolve) => node.#server.listen(0, '127.0.0.1', resolve));
    const { port } = node.#server.address() as AddressInfo;
    await register(node.#api, options.name, port);
    node.#beating = node.#beat(options.name, port);
    return node;
  }

  /** Says nothing more of itself, as a machine that lost its power; its pods go on unseen. */
  async silence(): Promise<void> {
    this.#over.abort();
    await this.#beating;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.silence();
    await this.kubelet.close();
    await this.#mirror.close();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
    await this.#api.close();
  }

  async #beat(name: string, port: number): Promise<void> {
    const { signal } = this.#over;
    while (!isAborted(signal)) {
      await sleep(heartbeatMs, signal).catch(() => undefined);
      if (!isAborted(signal)) await register(this.#api, name, port).catch(() => undefined);
    }
  }

  /** `GET /containerLogs/<namespace>/<pod>/<container>`, as the API server asks it. */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const [what, namespace, name = '', container = ''] = url.pathname.split('/').slice(1);
    const reply = new Reply(response, undefined);
    try {
      if (what !== 'containerLogs') throw new StatusError(404, 'NotFound', 'no such path');
      const pod = this.#mirror.store.get(resources.pods, namespace, name) as Pod;
      url.searchParams.set('container', container);
      const logOf = (one: string) => this.kubelet.logOf(pod, one);
      podLog(pod, logOf, url.searchParams, reply, new Set());
    } catch (error) {
      const { code, message } = error instanceof StatusError ? error : refused(error);
      reply.head(code, { 'content-type': 'text/plain' });
      reply.write(Buffer.from(message));
      reply.end();
    }
  }
}

function refused(error: unknown): { code: number; message: string } {
  return { code: 500, message: String(error) };
}

const pool = 'forge.dev/pool';

/** Says that the node is there and well. Done again, it is its sign of life. */
async function register(api: Api, name: string, port: number): Promise<void> {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [pool]: 'sandbox', 'kubernetes.io/hostname': name } },
    spec: { taints: [{ key: pool, value: 'sandbox', effect: 'NoSchedule' }] },
  };
  const made = await api.ask({ method: 'POST', path: '/api/v1/nodes', body: node });
  if (made.status !== 201 && made.status !== 409) throw new Error(made.message);
  const room = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '500' };
  const at = timestamp();
  const status = {
    capacity: room,
    allocatable: room,
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    conditions: [
      {
        ...{
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'a kubelet of a test',
        },
        ...{ lastHeartbeatTime: at },
      },
    ],
  };
  await api.granted({ method: 'PATCH', path: `/api/v1/nodes/${name}/status`, body: { status } });
}
