import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { Faults } from './faults.ts';
import type { Verb } from './faults.ts';
import { runJobController } from './job-controller.ts';
import { Kubelet, idle } from './kubelet.ts';
import type { PodScript } from './kubelet.ts';
import type { KubeObject, Pod } from './objects.ts';
import { ObjectStore } from './object-store.ts';
import { podLog } from './pod-log.ts';
import { Reply } from './reply.ts';
import { resources, routeOf } from './resources.ts';
import type { Route } from './resources.ts';
import { StatusError, reasonOf } from './status.ts';
import { list, watch } from './watch.ts';
import { create, patch, remove } from './writes.ts';

export interface SimulatorOptions {
  /** What happens to pods. Unless told, they run until they are deleted. */
  readonly script?: PodScript;
  readonly bookmarkMs?: number;
  /** Who asks has to carry this. May be changed while it runs. */
  readonly token?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Says why somebody may not do something, or nothing. Unless told, all may do everything. */
  readonly authorize?: Authorize;
}

/** Who asks is known by a token. */
export type Authorize = (token: string, verb: Verb, route: Route) => string | undefined;

/**
 * An API server with its controllers and one kubelet, in this process, as far
 * as running jobs on a cluster needs it, for tests and for trying Forge out.
 *
 * It is faithful in what clients trip over (versions, 410, conflicts, quota,
 * graceful deletion, finalizers, logs in seconds) and does what goes wrong on
 * command. It enforces no security and keeps nothing.
 */
export class KubernetesSimulator {
  readonly store = new ObjectStore();
  readonly faults = new Faults();
  readonly kubelet: Kubelet;
  /** How many connections were ever made. */
  connections = 0;
  readonly sockets = new Set<Socket>();
  /** Requests by `verb plural`, and when each came. */
  readonly calls: { readonly call: string; readonly path: string; readonly atMs: number }[] = [];
  token: string | undefined;
  readonly #stalled = new Set<Reply>();
  readonly #followers = new Set<Reply>();
  readonly #bookmarkMs: number;
  readonly #stopJobs: () => void;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #authorize: Authorize;

  private constructor(options: SimulatorOptions) {
    const { script = idle, bookmarkMs = 60_000, token, tls } = options;
    this.#authorize = options.authorize ?? (() => undefined);
    this.kubelet = new Kubelet(this.store, script);
    this.#stopJobs = runJobController(this.store);
    this.#bookmarkMs = bookmarkMs;
    this.token = token;
    this.#isTls = tls !== undefined;
    const onRequest: RequestListener = (request, response) => {
      void this.#answer(request, response);
    };
    this.#server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.store.create(resources.namespaces, { metadata: { name: 'default' } as never });
  }

  static async start(options: SimulatorOptions = {}): Promise<KubernetesSimulator> {
    const simulator = new KubernetesSimulator(options);
    await simulator.#listen(0);
    return simulator;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${port}`;
  }

  count(call: string): number {
    return this.calls.filter((one) => one.call === call).length;
  }

  /** Followers of logs get nothing more, as after a rotation that their kubelet did not notice. */
  stallFollowers(): void {
    for (const reply of this.#followers) this.#stalled.add(reply);
  }

  /** Breaks every connection; the server goes on. */
  breakConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#stopJobs();
    await this.kubelet.close();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.breakConnections();
    });
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://kubernetes');
    const route = routeOf(url.pathname);
    const verb = route && verbOf(request.method, route, url.searchParams);
    if (!route || !verb) {
      plain(url.pathname, new Reply(response, undefined));
      return;
    }
    const call = `${verb} ${route.resource.plural}`;
    this.calls.push({ call, path: request.url ?? '', atMs: Date.now() });
    const fault = this.faults.take(verb, route);
    const reply = new Reply(response, fault);
    try {
      const body = await bodyOf(request);
      if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
        throw new StatusError(401, 'Unauthorized', 'Unauthorized');
      }
      const forbidden = this.#authorize(tokenOf(request), verb, route);
      if (forbidden !== undefined) throw new StatusError(403, 'Forbidden', forbidden);
      if (fault?.kind === 'delay') await sleep(fault.ms);
      if (fault?.kind === 'status') {
        const { code, retryAfterSeconds } = fault;
        throw new StatusError(code, reasonOf(code), `scripted ${code}`, retryAfterSeconds);
      }
      this.#serve(verb, route, url.searchParams, body, reply);
    } catch (error) {
      if (error instanceof StatusError) reply.refuse(error);
      else reply.refuse(new StatusError(500, 'InternalError', String(error)));
    }
  }

  #serve(verb: Verb, route: Route, query: URLSearchParams, body: unknown, reply: Reply): void {
    const { namespace, name = '' } = route;
    if (verb === 'watch') {
      watch(this.store, route, query, reply, { bookmarkMs: this.#bookmarkMs });
      return;
    }
    if (verb === 'log') {
      const pod = this.store.get(resources.pods, namespace, name) as Pod;
      const logOf = (container: string) => this.kubelet.logOf(pod, container);
      if (query.get('follow') === 'true') this.#keepFollower(reply);
      podLog(pod, logOf, query, reply, this.#stalled);
      return;
    }
    const [code, answer] = this.#act(verb, route, query, body);
    if (reply.fault?.kind === 'lost-answer') reply.break();
    else reply.json(code, answer);
  }

  #act(
    verb: Exclude<Verb, 'watch' | 'log'>,
    route: Route,
    query: URLSearchParams,
    body: unknown,
  ): [number, object] {
    const { resource, namespace, name = '' } = route;
    switch (verb) {
      case 'get':
        return [200, this.store.get(resource, namespace, name)];
      case 'list':
        return [200, list(this.store, route, query)];
      case 'create':
        return [201, create(this.store, route, body)];
      case 'patch':
        return [200, patch(this.store, route, body)];
      case 'delete':
        return [200, remove(this.store, route, body, query)];
    }
  }

  #keepFollower(reply: Reply): void {
    this.#followers.add(reply);
    reply.onClose(() => {
      this.#followers.delete(reply);
      this.#stalled.delete(reply);
    });
  }
}

function tokenOf({ headers }: IncomingMessage): string {
  return headers.authorization?.replace(/^Bearer /, '') ?? '';
}

function verbOf(method = 'GET', route: Route, query: URLSearchParams): Verb | undefined {
  const { name, subresource } = route;
  if (subresource === 'log' && method === 'GET') return 'log';
  if (subresource !== undefined) return undefined;
  if (method === 'GET' && name !== undefined) return 'get';
  if (method === 'GET') return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : 'list';
  if (method === 'POST' && name === undefined) return 'create';
  if (method === 'DELETE' && name !== undefined) return 'delete';
  if (method === 'PATCH' && name !== undefined) return 'patch';
  return undefined;
}

function plain(path: string, reply: Reply): void {
  if (path === '/version') reply.json(200, { major: '1', minor: '36', gitVersion: 'v1.36.0' });
  else reply.refuse(new StatusError(404, 'NotFound', `the server could not find ${path}`));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const given = await text(request);
  if (given === '') return undefined;
  try {
    return JSON.parse(given) as KubeObject;
  } catch {
    throw new StatusError(400, 'BadRequest', 'the body is no JSON');
  }
}
