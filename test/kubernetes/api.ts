import type { Dispatcher } from 'undici';
import { clusterAccess } from '../../subgraphs/sandbox/providers/kubernetes/access.ts';
import type { ClusterAccess } from '../../subgraphs/sandbox/providers/kubernetes/access.ts';

/** What an API server answered, whatever it was. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  /** In Kubernetes' own words, when it refused. */
  readonly message: string;
  /** What it granted with a word of warning. */
  readonly warnings: readonly string[];
  readonly body: T;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Of a body; a patch is a strategic merge unless it is said otherwise. */
  readonly type?: string;
  /** Another user, for whom this one may speak. */
  readonly as?: string;
}

const timeoutMs = 30_000;

/**
 * The API of a cluster as a test or a kubelet asks it: one request, one answer,
 * refusals included. Nothing of Forge's own client is in it, so that what the
 * one does wrong is not hidden by the other.
 */
export class Api {
  readonly #access: ClusterAccess;

  private constructor(access: ClusterAccess) {
    this.#access = access;
  }

  static async at(kubeconfig: string): Promise<Api> {
    return new Api(await clusterAccess(kubeconfig));
  }

  async ask<T = Record<string, unknown>>(request: ApiRequest): Promise<Answer<T>> {
    const { statusCode, headers, body } = await this.#send(request, AbortSignal.timeout(timeoutMs));
    const answer = parsed(await body.text()) as T & { readonly message?: string };
    const warnings = [headers['warning'] ?? []].flat();
    return { status: statusCode, message: answer.message ?? '', warnings, body: answer };
  }

  /** The answer to a request that has to be granted. */
  async granted<T = Record<string, unknown>>(request: ApiRequest): Promise<T> {
    const { status, message, body } = await this.ask<T>(request);
    if (status >= 300) {
      throw new Error(`${request.method ?? 'GET'} ${request.path}: ${status} ${message}`);
    }
    return body;
  }

  /** Each event of a watch, until it ends or is aborted. */
  async *watch(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly type: string; readonly object: unknown }> {
    const { statusCode, body } = await this.#send(
      { path, query: { ...query, watch: 'true' } },
      signal,
    );
    if (statusCode !== 200) throw new Error(`watch ${path}: ${statusCode} ${await body.text()}`);
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as { type: string; object: unknown };
    }
  }

  async close(): Promise<void> {
    await this.#access.close();
  }

  async #send(
    { method = 'GET', path, query = {}, body, type, as }: ApiRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { origin, basePath, agent, headers } = await this.#access.get();
    const standard =
      method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    return agent.request({
      origin,
      path: `${basePath}${path}?${new URLSearchParams(query).toString()}`,
      method,
      signal,
      headers: {
        ...headers,
        accept: 'application/json',
        ...(body && { 'content-type': type ?? standard }),
        ...(as !== undefined && { 'impersonate-user': as }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
}
