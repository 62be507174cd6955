import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { signatureProblem } from './signature.ts';
import type { Credentials } from './signature.ts';

/** Something that goes wrong with a request. */
export type S3Fault =
  | { readonly kind: 'status'; readonly code: number; readonly name: string }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks after so many bytes of what is sent by the client. */
  | { readonly kind: 'reset-request'; readonly afterBytes: number }
  /** The connection breaks after so many bytes of the answer. */
  | { readonly kind: 'reset-answer'; readonly afterBytes: number }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lost-answer' }
  /** No answer comes, and the connection stays. */
  | { readonly kind: 'hang' }
  /** One bit of what came is another. */
  | { readonly kind: 'bit-flip' };

export interface S3FaultRule {
  readonly method?: 'GET' | 'PUT' | 'DELETE';
  readonly fault: S3Fault;
  /** How many requests it meets; 1 unless told. */
  readonly times?: number;
}

/**
 * One bucket of S3 in this process, as far as keeping files in it needs it: it
 * checks signatures, times and digests for real, keeps objects whole or not at
 * all, gives ranges, and does what goes wrong on command.
 */
export class S3Simulator {
  readonly credentials: Credentials = { accessKeyId: 'simulated', secretAccessKey: 'secret' };
  readonly region = 'eu-central-1';
  readonly bucket = 'forge-test';
  readonly objects = new Map<string, Buffer>();
  /** The method of each request, in their order. */
  readonly calls: string[] = [];
  #faults: { rule: S3FaultRule; left: number }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((cause: unknown) => {
        if (cause instanceof Refusal) tell(response, cause);
        else response.destroy();
      });
    });
  }

  static async start(port = 0): Promise<S3Simulator> {
    const simulator = new S3Simulator();
    await simulator.listen(port);
    return simulator;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  fail(...rules: readonly S3FaultRule[]): void {
    for (const rule of rules) this.#faults.push({ rule, left: rule.times ?? 1 });
  }

  /** Nothing goes wrong any more. */
  recover(): void {
    this.#faults = [];
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    this.calls.push(method);
    const fault = this.#take(method);
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      request.resume();
      throw new Refusal(fault.code, fault.name);
    }
    const body = await bodyOf(request, fault);
    this.#check(request, body);
    const key = this.#keyOf(url);
    if (method === 'PUT') {
      this.objects.set(key, body);
      if (fault?.kind === 'lost-answer') response.destroy();
      else response.writeHead(200, { etag: `"${digest(body, 'hex')}"` }).end();
    } else if (method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
    } else if (method === 'GET') {
      const object = this.objects.get(key);
      if (!object) throw new Refusal(404, 'NoSuchKey');
      give(response, object, request.headers.range, fault);
    } else {
      throw new Refusal(405, 'MethodNotAllowed');
    }
  }

  #check({ method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer): void {
    const signed = { method, target: url, headers: headers as Record<string, string> };
    const when = { region: this.region, now: new Date() };
    const problem = signatureProblem(signed, this.credentials, when);
    if (problem) throw new Refusal(403, problem);
    const payload = headers['x-amz-content-sha256'];
    if (payload !== 'UNSIGNED-PAYLOAD' && payload !== digest(body, 'hex')) {
      throw new Refusal(400, 'XAmzContentSHA256Mismatch');
    }
    const checksum = headers['x-amz-checksum-sha256'];
    if (checksum !== undefined && checksum !== digest(body, 'base64')) {
      throw new Refusal(400, 'BadDigest');
    }
  }

  /** The bucket stands in the path. */
  #keyOf(url: string): string {
    const [, bucket = '', ...names] = new URL(url, this.endpoint).pathname.split('/');
    if (bucket !== this.bucket) throw new Refusal(404, 'NoSuchBucket');
    return names.map(decodeURIComponent).join('/');
  }

  #take(method: string): S3Fault | undefined {
    const found = this.#faults.find(({ rule }) => (rule.method ?? method) === method);
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#faults = this.#faults.filter((one) => one !== found);
    return found.rule.fault;
  }
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

function tell(response: ServerResponse, { status, code }: Refusal): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
}

/** The whole body; a client that breaks off has put nothing. */
async function bodyOf(request: IncomingMessage, fault: S3Fault | undefined): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    pieces.push(piece);
    if (fault?.kind === 'reset-request' && bytes >= fault.afterBytes) {
      request.destroy();
      throw new Error('reset');
    }
  }
  const body = Buffer.concat(pieces);
  if (fault?.kind === 'bit-flip') body.writeUInt8(body.readUInt8(0) ^ 1, 0);
  return body;
}

function give(
  response: ServerResponse,
  object: Buffer,
  range: string | undefined,
  fault: S3Fault | undefined,
): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const [start, end] = [Number(first ?? 0), last ? Number(last) + 1 : object.length];
  if (first !== undefined && start >= object.length) throw new Refusal(416, 'InvalidRange');
  const part = object.subarray(start, end);
  response.writeHead(first === undefined ? 200 : 206, { 'content-length': part.length });
  if (fault?.kind !== 'reset-answer') {
    response.end(part);
    return;
  }
  response.write(part.subarray(0, fault.afterBytes), () => {
    response.destroy();
  });
}

function digest(body: Buffer, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(body).digest(encoding);
}
