import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { OAuthError } from './accounts.ts';
import { StripeError } from './errors.ts';
import { Faults } from './faults.ts';
import type { Fault } from './faults.ts';
import { readForm } from './form.ts';
import { Objects } from './objects.ts';
import { routes } from './routes.ts';
import { Schemas } from './schema/validate.ts';
import { State } from './state.ts';
import type { Body } from './state.ts';
import { Webhooks } from './webhooks.ts';

export interface StripeSimulatorOptions {
  /** Where what it knows is kept over restarts. */
  readonly file?: string;
  readonly now?: () => Date;
}

export interface SimulatedCall {
  readonly method: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly account: string;
}

/**
 * Stripe, as far as payments, refunds, disputes and connected accounts need it:
 * it remembers, keeps keys as Stripe does, tells of events, and does what goes
 * wrong on command. What comes and goes is checked against the declarations of
 * stripe-node. It knows no security but that a key is there.
 */
export class StripeSimulator {
  readonly faults = new Faults();
  readonly webhooks = new Webhooks();
  readonly calls: SimulatedCall[] = [];
  /** Accounts that have taken the platform's access back. */
  readonly revoked = new Set<string>();
  readonly #state: State;
  readonly #schemas = new Schemas();
  readonly #sockets = new Set<Socket>();
  /** Keys whose first request is under way. */
  readonly #under = new Set<string>();
  readonly #server: Server;

  private constructor({ file, now = () => new Date() }: StripeSimulatorOptions) {
    this.#state = new State(file, now);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((err: unknown) => {
        response.writeHead(599).end(String(err));
      });
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: StripeSimulatorOptions = {}): Promise<StripeSimulator> {
    const simulator = new StripeSimulator(options);
    await new Promise<void>((resolve) => simulator.#server.listen(0, '127.0.0.1', resolve));
    return simulator;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The objects of an account, for what happens there without being asked for. */
  at(account = 'platform'): Objects {
    return new Objects(this.#state, this.#schemas, account, (_account, event: Body) => {
      this.webhooks.tell(event);
    });
  }

  /** How often something was asked for that had, or could have had, its effect. */
  count(method: string, path: string): number {
    return this.calls.filter((call) => call.method === method && call.path === path).length;
  }

  /** Forgets keys, as Stripe does after a day. */
  forgetKeys(): void {
    for (const key of Object.keys(this.#state.keys)) Reflect.deleteProperty(this.#state.keys, key);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stripe');
    const body = await text(request);
    const method = request.method ?? 'GET';
    const account = String(request.headers['stripe-account'] ?? 'platform');
    const key = request.headers['idempotency-key'] as string | undefined;
    this.calls.push({ method, path: url.pathname, key, account });
    const fault = this.faults.take(method, url.pathname);
    if (fault?.kind === 'delay') {
      const inUse = this.#inUse(account, key);
      if (inUse) {
        send(response, inUse);
        return;
      }
      await sleep(fault.ms);
      this.#release(account, key);
    }
    const isUntouched = fault && 'executed' in fault && !fault.executed;
    if (fault?.kind === 'status' && isStatusOnly(fault)) {
      const given = { status: fault.status, text: JSON.stringify({ error: errorOf(fault) }) };
      if (fault.saved && key !== undefined)
        this.#keep(account, key, requestOf(method, url, body), given);
      send(response, given, fault.headers);
      return;
    }
    if (isUntouched) {
      breakOff(response, fault, '');
      return;
    }
    const given = this.#given({
      method,
      url,
      body,
      account,
      key,
      auth: request.headers.authorization,
    });
    this.#state.save();
    this.#reply(response, given, fault);
  }

  #reply(response: ServerResponse, given: Given, fault: Fault | undefined): void {
    if (fault?.kind === 'html') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>');
    } else if (fault?.kind === 'rewrite') {
      const told = { ...(JSON.parse(given.text) as object), ...fault.change };
      send(response, { ...given, text: JSON.stringify(told) });
    } else if (fault?.kind === 'status') {
      send(
        response,
        { status: fault.status, text: JSON.stringify({ error: errorOf(fault) }) },
        fault.headers,
      );
    } else if (fault && fault.kind !== 'delay') {
      breakOff(response, fault, given.text);
    } else {
      send(response, given);
    }
  }

  /** Answers once per key, and the same again; another request under it is refused. */
  #given(asked: Asked): Given {
    const { method, url, body, account, key } = asked;
    if (!asked.auth?.startsWith('Bearer sk_')) {
      return noOf(
        new StripeError(401, { type: 'authentication_error', message: 'Invalid API Key' }),
      );
    }
    if (this.revoked.has(account)) {
      const message = 'The provided key does not have access to this account.';
      const error = { type: 'invalid_request_error', code: 'account_invalid', message } as const;
      return noOf(new StripeError(403, error));
    }
    const isKeyed = method === 'POST' && key !== undefined;
    const said = requestOf(method, url, body);
    if (isKeyed && this.#under.has(`${account}/${key}`)) return keyInUse;
    const known = isKeyed ? this.#state.keys[`${account}/${key}`] : undefined;
    if (known) return replayed(known, said);
    const given = this.#executed(asked);
    // What is refused before anything was done is not kept.
    if (isKeyed && !given.isUntried) this.#keep(account, key, said, given);
    return given;
  }

  #executed({ method, url, body, account }: Asked): Given {
    const objects = this.at(account);
    for (const route of routes) {
      const match = route.pattern.exec(url.pathname);
      if (!match || route.method !== method) continue;
      const said = readForm(method === 'GET' ? url.search.slice(1) : body);
      const { expand, ...params } = said as { expand?: string[] } & Record<string, unknown>;
      try {
        const checked = route.params
          ? this.#schemas.request(route.params, { ...params, ...(expand && { expand }) })
          : params;
        try {
          const answer = route.answer(objects, checked, match[1] ?? '') as Body;
          const shown = objects.shown(answer, expand ?? []);
          objects.check(shown);
          return { status: 200, text: JSON.stringify(shown) };
        } catch (cause) {
          return noOf(cause);
        }
      } catch (cause) {
        return { ...noOf(cause), isUntried: true };
      }
    }
    const message = `Unrecognized request URL (${method}: ${url.pathname}).`;
    return {
      ...noOf(new StripeError(404, { type: 'invalid_request_error', message })),
      isUntried: true,
    };
  }

  /** A key whose first request has no answer yet is in use; otherwise it is from now on. */
  #inUse(account: string, key: string | undefined): Given | undefined {
    if (key === undefined) return undefined;
    if (this.#under.has(`${account}/${key}`)) return keyInUse;
    this.#under.add(`${account}/${key}`);
    return undefined;
  }

  #release(account: string, key: string | undefined): void {
    if (key !== undefined) this.#under.delete(`${account}/${key}`);
  }

  #keep(account: string, key: string, request: string, { status, text: body }: Given): void {
    this.#state.keys[`${account}/${key}`] = { request, status, body };
  }
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
  readonly account: string;
  readonly key: string | undefined;
  readonly auth: string | undefined;
}

interface Given {
  readonly status: number;
  readonly text: string;
  readonly isUntried?: boolean;
  readonly isReplayed?: boolean;
}

const keyInUse: Given = {
  status: 409,
  text: JSON.stringify({
    error: {
      type: 'invalid_request_error',
      code: 'idempotency_key_in_use',
      message: 'Another request with this key is under way.',
    },
  }),
  isUntried: true,
};

function requestOf(method: string, url: URL, body: string): string {
  return `${method} ${url.pathname} ${body}`;
}

function replayed(
  known: { readonly request: string; readonly status: number | null; readonly body: string | null },
  said: string,
): Given {
  if (known.request === said) {
    return { status: known.status ?? 500, text: known.body ?? '', isReplayed: true };
  }
  const message =
    'Keys for idempotent requests can only be used with the same parameters they were first used with.';
  return noOf(new StripeError(400, { type: 'idempotency_error', message }));
}

function noOf(cause: unknown): Given {
  if (!(cause instanceof StripeError)) throw cause;
  const { status, body } = cause;
  const isOAuth = cause instanceof OAuthError;
  const told = isOAuth ? { error: body.code, error_description: body.message } : { error: body };
  return { status, text: JSON.stringify(told) };
}

function isStatusOnly(fault: Extract<Fault, { kind: 'status' }>): boolean {
  return fault.executed !== true;
}

function errorOf({ status, error = {} }: Extract<Fault, { kind: 'status' }>): object {
  const type =
    status === 402 ? 'card_error' : status >= 500 ? 'api_error' : 'invalid_request_error';
  return { type, message: `Status ${status}, as a test wants it.`, ...error };
}

function send(
  response: ServerResponse,
  { status, text: body, isReplayed }: Given,
  headers = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'request-id': `req_${Math.random().toString(36).slice(2, 12)}`,
    ...(isReplayed && { 'idempotent-replayed': 'true' }),
    ...headers,
  });
  response.end(body);
}

function breakOff(response: ServerResponse, fault: Fault, body: string): void {
  const afterBytes = 'afterBytes' in fault ? fault.afterBytes : 0;
  if (fault.kind === 'hang') return;
  if (fault.kind === 'stall' || afterBytes > 0) {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.write(body.slice(0, afterBytes));
  }
  if (fault.kind === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 5);
}
