import { Readable } from 'node:stream';
import { AwsV4Signer } from 'aws4fetch';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import type { S3Location } from '../../shared/artifacts-config.ts';
import { ForgeError } from '../../shared/errors.ts';
import { sleep } from '../../shared/time.ts';
import { ContentChanged, verified } from '../domain/artifact-content.ts';
import type { SaidContent } from '../domain/artifact-content.ts';
import type { ByteRange } from '../domain/byte-range.ts';
import type { ArtifactStorage, StorageCall } from './artifact-storage.ts';

export interface S3Options extends S3Location {
  readonly pace?: { readonly quietMsMax: number; readonly retryMs: number };
}

/**
 * Keeps artifacts in a bucket of S3, or of whatever speaks its language.
 *
 * A content is one PUT of known length: an object is there whole or not at all,
 * and what is kept of a job is far below the 5 GiB that one PUT may have. Its
 * hash is signed and checked by the server as well. Nothing is sent twice here:
 * whoever puts has the content and asks again.
 * Source: Amazon S3 API Reference, PutObject, GetObject, Signature Version 4.
 */
export function s3Storage(options: S3Options): ArtifactStorage {
  const { quietMsMax } = { ...standardPace, ...options.pace };
  const agent = new Agent({
    connections: 64,
    connect: { timeout: 5_000 },
    headersTimeout: quietMsMax,
    bodyTimeout: quietMsMax,
  });
  const bucket = new Bucket(options, agent);
  return {
    name: 's3',
    put: (key, said, call) => bucket.put(key, said, call),
    open: (key, range, call) => bucket.open(key, range, call),
    remove: (key, call) => bucket.remove(key, call),
    close: () => agent.destroy(),
  };
}

const standardPace = { quietMsMax: 30_000, retryMs: 200 };
const triesMax = 3;

class Bucket {
  readonly #options: S3Options;
  readonly #agent: Agent;
  readonly #retryMs: number;

  constructor(options: S3Options, agent: Agent) {
    this.#options = options;
    this.#agent = agent;
    this.#retryMs = options.pace?.retryMs ?? standardPace.retryMs;
  }

  async put(key: string, said: SaidContent, call?: StorageCall): Promise<void> {
    let changed: ContentChanged | undefined;
    const pieces = async function* () {
      try {
        yield* verified(said);
      } catch (cause) {
        if (cause instanceof ContentChanged) changed = cause;
        throw cause;
      }
    };
    const headers = {
      'content-length': String(said.bytes),
      'x-amz-content-sha256': said.sha256,
      'x-amz-checksum-sha256': Buffer.from(said.sha256, 'hex').toString('base64'),
    };
    const body = Readable.from(pieces());
    try {
      // What is said to be empty is looked at before it is put.
      if (said.bytes === 0) await body.toArray();
      const sent = said.bytes === 0 ? undefined : body;
      const answer = await this.#ask('PUT', key, headers, call, sent);
      await (await accepted(answer, [200], said)).body.dump();
    } catch (cause) {
      throw changed ?? cause;
    }
  }

  async open(
    key: string,
    range: ByteRange,
    call?: StorageCall,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const first = await this.#opened(key, range, call);
    return first && this.#wholly(key, range, first, call);
  }

  async remove(key: string, call?: StorageCall): Promise<void> {
    const answer = await this.#ask('DELETE', key, emptyPayload, call);
    await (await accepted(answer, [200, 204])).body.dump();
  }

  /** Goes on where a connection broke: what is under a key never changes. */
  async *#wholly(
    key: string,
    { start, end }: ByteRange,
    first: Body,
    call: StorageCall | undefined,
  ): AsyncGenerator<Uint8Array> {
    let [at, body, failures] = [start, first, 0];
    if (end <= start) await first.dump();
    while (at < end) {
      try {
        for await (const piece of body) {
          at += (piece as Uint8Array).length;
          yield piece as Uint8Array;
        }
        if (at >= end) return;
        throw new Error(`The answer ended ${String(end - at)} bytes too early.`);
      } catch (cause) {
        call?.signal?.throwIfAborted();
        failures += 1;
        if (failures >= triesMax) throw unavailable('S3 broke an answer off', cause);
        const next = await this.#opened(key, { start: at, end }, call);
        if (!next) throw unavailable('The object went while it was read', cause);
        body = next;
      }
    }
  }

  async #opened(
    key: string,
    { start, end }: ByteRange,
    call?: StorageCall,
  ): Promise<Body | undefined> {
    // A range of nothing cannot be asked for.
    const range = end > start ? { range: `bytes=${String(start)}-${String(end - 1)}` } : {};
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#ask('GET', key, { ...emptyPayload, ...range }, call);
        return (await accepted(answer, [200, 206])).body;
      } catch (cause) {
        if (cause instanceof NoSuchKey) return undefined;
        if (tries >= triesMax || call?.signal?.aborted === true) throw cause;
        await sleep(Math.random() * this.#retryMs * 2 ** tries, call?.signal);
      }
    }
  }

  async #ask(
    method: 'GET' | 'PUT' | 'DELETE',
    key: string,
    headers: Record<string, string>,
    call: StorageCall | undefined,
    body?: Readable,
  ): Promise<Dispatcher.ResponseData> {
    const { accessKeyId, secretAccessKey, region } = this.#options;
    const url = this.#urlOf(key);
    const signer = { method, url, headers, accessKeyId, secretAccessKey, region, service: 's3' };
    const signed = await new AwsV4Signer(signer).sign();
    try {
      return await request(url, {
        method,
        headers: Object.fromEntries(signed.headers),
        dispatcher: this.#agent,
        ...(body && { body }),
        ...(call?.signal && { signal: call.signal }),
      });
    } catch (cause) {
      call?.signal?.throwIfAborted();
      throw unavailable('S3 gave no answer', cause);
    }
  }

  #urlOf(key: string): string {
    const { endpoint, bucket, pathStyle } = this.#options;
    const url = new URL(endpoint);
    if (!pathStyle) url.host = `${bucket}.${url.host}`;
    const folder = url.pathname.replace(/\/$/, '');
    url.pathname = `${folder}${pathStyle ? `/${bucket}` : ''}/artifacts/${key}`;
    return url.href;
  }
}

type Body = Dispatcher.ResponseData['body'];

/** SHA-256 of nothing: what a request without a body is signed with. */
const emptyPayload = {
  'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};

function unavailable(message: string, cause?: unknown): ForgeError {
  return new ForgeError('PROVIDER_UNAVAILABLE', `${message}.`, { cause, retryable: true });
}

/** What S3 says when what came is not what was signed for. */
const changedCodes = ['BadDigest', 'InvalidDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody'];

/**
 * Any other refusal is as no answer: credentials and buckets are mended by
 * people, and nothing is decided meanwhile.
 */
async function accepted(
  answer: Dispatcher.ResponseData,
  statuses: readonly number[],
  said?: SaidContent,
): Promise<Dispatcher.ResponseData> {
  const { statusCode, body } = answer;
  if (statuses.includes(statusCode)) return answer;
  const [, code = ''] = /<Code>(\w+)<\/Code>/.exec(await body.text()) ?? [];
  if (code === 'NoSuchKey') throw new NoSuchKey();
  if (said && changedCodes.includes(code)) throw new ContentChanged(said.bytes, said.bytes);
  throw unavailable(`S3 answered ${String(statusCode)} ${code}`);
}

class NoSuchKey extends Error {}
