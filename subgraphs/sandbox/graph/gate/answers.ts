import { createHash } from 'node:crypto';
import type { Database } from '../../../shared/db.ts';
import type { Log } from '../../../shared/log.ts';
import type { Clock } from '../../../shared/time.ts';
import { ContentChanged } from '../../domain/artifact-content.ts';
import { storageKey } from '../../domain/artifact.ts';
import { judgeManifest, manifestBytesMax } from '../../domain/upload-manifest.ts';
import { openUpload } from '../../domain/upload-token.ts';
import type { UploadGrant, UploadRequest } from '../../domain/upload-token.ts';
import { beginUpload, commitUpload, settleEntry, tryEntry } from '../../store/uploads.ts';
import type { WantedContent } from '../../store/uploads.ts';
import type { SandboxDeps } from '../../workflows/deps.ts';
import { isNoAnswer } from '../../workflows/flow.ts';

export interface GateRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be read once, or left. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A word for programs first, then lines. */
export interface GateAnswer {
  readonly status: 200 | 400 | 401 | 404 | 405 | 409 | 410 | 411 | 413 | 422 | 429 | 503;
  readonly text: string;
}

export interface GateOptions {
  readonly db: Pick<Database, 'tx'>;
  readonly clock: Clock;
  readonly key: Uint8Array;
  readonly storage: SandboxDeps['storage'];
  readonly log: Log;
}

const uploadPath = '/v1/upload';

/**
 * Makes the answers of the artifact gate: see README.md for what is asked and
 * answered, and for what a crash does.
 */
export function gateAnswers(options: GateOptions): (request: GateRequest) => Promise<GateAnswer> {
  return async (request) => {
    const signed = signedBy(request);
    if (!signed) return said(401, 'UNAUTHENTICATED');
    const { clock, key, log } = options;
    const decision = openUpload(key, signed.token, signed.request, clock.now());
    if (decision.kind !== 'granted') {
      return said(401, decision.kind === 'expired' ? 'EXPIRED' : 'UNAUTHENTICATED');
    }
    const call = {
      ...options,
      request,
      grant: decision.grant,
      sha256: signed.request.contentSha256,
    };
    try {
      return await answer(call);
    } catch (err) {
      if (!isNoAnswer(err)) throw err;
      log.warn({ err, jobId: decision.grant.jobId }, 'an upload has to wait');
      return said(503, 'ASK_AGAIN');
    }
  };
}

interface Call extends GateOptions {
  readonly request: GateRequest;
  readonly grant: UploadGrant;
  /** Of the body, as its sender says. */
  readonly sha256: string;
}

function answer(call: Call): Promise<GateAnswer> {
  const { method, path } = call.request;
  const [, n] = entryPath.exec(path) ?? [];
  if (n !== undefined && method === 'PUT') return take(call, Number(n));
  if (path === uploadPath && method === 'POST') return begin(call);
  if (path === `${uploadPath}/commit` && method === 'POST') return commit(call);
  return Promise.resolve(said(404, 'NOT_FOUND'));
}

const entryPath = /^\/v1\/upload\/([1-9][0-9]{0,5})$/;

const authorizationPattern = /^Forge-Upload ([\w.-]{1,1024}) ([0-9a-f]{64})$/;

/** What a request carries that only the bearer of a token can have made. */
function signedBy({ method, path, headers }: GateRequest) {
  const { authorization, 'x-content-sha256': contentSha256 } = headers;
  const parts = typeof authorization === 'string' && authorizationPattern.exec(authorization);
  if (!parts || typeof contentSha256 !== 'string') return undefined;
  if (!/^[0-9a-f]{64}$/.test(contentSha256)) return undefined;
  const [, claims = '', signature = ''] = parts;
  const request: UploadRequest = { method, path, contentSha256 };
  return { token: { claims, signature }, request };
}

async function begin({ db, clock, request, grant, sha256 }: Call): Promise<GateAnswer> {
  const announced = lengthOf(request);
  if (announced === undefined) return said(411, 'LENGTH_REQUIRED');
  if (announced > manifestBytesMax) return said(413, 'TOO_LARGE');
  const text = await textOf(request.body, announced, sha256);
  const entries = text === undefined ? undefined : judgeManifest(text, grant);
  if (!entries) return said(400, 'NO_MANIFEST');
  const begun = await db.tx(grant.tenant, (tx) =>
    beginUpload(tx, grant, { sha256, entries }, clock.now()),
  );
  switch (begun.kind) {
    case 'open':
      return said(200, 'OPEN', ...begun.entries.map(({ n, state }) => `${state} ${String(n)}`));
    case 'used':
      return said(409, 'USED');
    case 'complete':
      return said(409, 'COMPLETE');
    case 'over':
      return said(410, 'OVER');
  }
}

async function take(call: Call, n: number): Promise<GateAnswer> {
  const { db, request, grant, sha256 } = call;
  const announced = lengthOf(request);
  if (announced === undefined) return said(411, 'LENGTH_REQUIRED');
  const turn = await db.tx(grant.tenant, (tx) => tryEntry(tx, grant, n));
  switch (turn.kind) {
    case 'wanted':
      return turn.bytes === announced && turn.sha256 === sha256
        ? store(call, n, turn)
        : changed(call, n);
    case 'stored':
      return said(200, 'STORED');
    case 'refused':
      return said(422, 'REFUSED');
    case 'missing':
      return said(404, 'NOT_FOUND');
    case 'complete':
      return said(409, 'COMPLETE');
    case 'tried':
      return said(429, 'TOO_MANY_TRIES');
  }
}

async function store(
  call: Call,
  n: number,
  { artifactId, bytes, sha256 }: WantedContent,
): Promise<GateAnswer> {
  const { db, clock, storage, request, grant } = call;
  const key = storageKey(grant.tenant, grant.jobId, artifactId);
  try {
    await storage.put(key, { bytes, sha256, content: request.body });
  } catch (cause) {
    if (!(cause instanceof ContentChanged)) throw cause;
    return changed(call, n);
  }
  const outcome = { kind: 'stored', at: clock.now() } as const;
  await db.tx(grant.tenant, (tx) => settleEntry(tx, grant, n, outcome));
  return said(200, 'STORED');
}

/** It is another content than was said: it is refused for good, and told with the job. */
async function changed({ db, grant }: Call, n: number): Promise<GateAnswer> {
  await db.tx(grant.tenant, (tx) => settleEntry(tx, grant, n, { kind: 'changed' }));
  return said(422, 'CHANGED');
}

async function commit({ db, clock, grant }: Call): Promise<GateAnswer> {
  const outcome = await db.tx(grant.tenant, (tx) => commitUpload(tx, grant, clock.now()));
  switch (outcome) {
    case 'committed':
      return said(200, 'COMMITTED');
    case 'complete':
      return said(409, 'COMPLETE');
    case 'incomplete':
      return said(409, 'INCOMPLETE');
    case 'missing':
      return said(404, 'NOT_FOUND');
    case 'over':
      return said(410, 'OVER');
  }
}

function lengthOf({ headers }: GateRequest): number | undefined {
  const { 'content-length': length } = headers;
  return typeof length === 'string' && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined;
}

/** A small body, if it is the one that was signed. */
async function textOf(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  sha256: string,
): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  const all = Buffer.concat(pieces);
  const isSigned = createHash('sha256').update(all).digest('hex') === sha256;
  return isSigned ? all.toString('utf8') : undefined;
}

function said(status: GateAnswer['status'], ...lines: readonly string[]): GateAnswer {
  return { status, text: lines.map((line) => `${line}\n`).join('') };
}
