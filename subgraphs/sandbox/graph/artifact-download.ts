import type { Database } from '../../shared/db.ts';
import type { Clock } from '../../shared/time.ts';
import { openLink } from '../domain/artifact-link.ts';
import { byteRange } from '../domain/byte-range.ts';
import { storageKey } from '../domain/artifact.ts';
import { findArtifact } from '../store/artifacts.ts';
import type { ArtifactRow } from '../store/rows.ts';
import type { SandboxDeps } from '../workflows/deps.ts';

export interface Download {
  readonly status: 200 | 206 | 404 | 405 | 410 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** To be read once, or left. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface DownloadOptions {
  readonly db: Pick<Database, 'tx'>;
  readonly clock: Clock;
  readonly key: Uint8Array;
  readonly storage: Pick<SandboxDeps['storage'], 'open'>;
}

/** Answers `GET /artifacts/<link>/<name>`: whoever has the link has all it takes. */
export type ArtifactDownloads = (request: {
  readonly method: string;
  /** What follows `/artifacts/` in the URL, without its query. */
  readonly path: string;
  /** The headers of those names, where they were sent. */
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
}) => Promise<Download>;

/**
 * Makes the answers under which artifacts are fetched.
 *
 * A link names one file of one tenant and cannot be changed into another. What
 * is served was written by a stranger's program: browsers save it, guess no
 * type, and run nothing of it. A link of nothing, and one that was tampered
 * with, answer the same. It goes through us wherever the content lies, so that
 * this holds for every storage, and a bucket is open to nobody else.
 *
 * A part is given to whoever asks for one, to go on where a connection broke
 * (RFC 9110, Range Requests).
 */
export function artifactDownloads(options: DownloadOptions): ArtifactDownloads {
  const { db, clock, key, storage } = options;
  return async ({ method, path, range: asked, ifRange }) => {
    if (method !== 'GET' && method !== 'HEAD') return said(405, 'Only GET and HEAD are answered.');
    const [sealed = ''] = path.split('/');
    const decision = openLink(key, sealed, clock.now());
    if (decision.kind === 'invalid') return said(404, 'There is no such file.');
    if (decision.kind === 'expired') {
      return said(410, 'This link is no longer good. Ask for Artifact.downloadUrl again.');
    }
    const { tenant, artifactId } = decision.link;
    const artifact = await db.tx(tenant, (tx) => findArtifact(tx, artifactId));
    if (!artifact) return said(404, 'There is no such file.');
    const { bytes } = artifact;
    const isSame = ifRange === undefined || ifRange === tagOf(artifact);
    const range = byteRange(isSame ? asked : undefined, bytes);
    if (range === 'unsatisfiable') {
      const none = said(416, 'The file has no such part.');
      return { ...none, headers: { ...none.headers, 'content-range': `bytes */${String(bytes)}` } };
    }
    const part = range ?? { start: 0, end: bytes };
    const body =
      method === 'HEAD'
        ? nothing()
        : await storage.open(storageKey(tenant, artifact.jobId, artifactId), part);
    if (!body) return said(404, 'There is no such file.');
    const headers = {
      ...headersOf(artifact),
      'content-length': String(part.end - part.start),
      ...(range && {
        'content-range': `bytes ${String(range.start)}-${String(range.end - 1)}/${String(bytes)}`,
      }),
    };
    return { status: range ? 206 : 200, headers, body };
  };
}

const safety = {
  'cache-control': 'private, no-store',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function tagOf({ sha256 }: ArtifactRow): string {
  return `"${sha256}"`;
}

function headersOf(artifact: ArtifactRow): Record<string, string> {
  const { path, sha256, mediaType } = artifact;
  const name = path.split('/').at(-1) ?? 'artifact';
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  const digest = Buffer.from(sha256, 'hex').toString('base64');
  return {
    ...safety,
    'content-type': mediaType,
    'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${extended(name)}`,
    'accept-ranges': 'bytes',
    etag: tagOf(artifact),
    'repr-digest': `sha-256=:${digest}:`,
  };
}

/** A name as RFC 8187 writes it. */
function extended(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A HEAD has no body.
}

function said(status: 404 | 405 | 410 | 416, text: string): Download {
  const body = Buffer.from(`${text}\n`);
  return {
    status,
    headers: {
      ...safety,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(body.length),
      ...(status === 405 && { allow: 'GET, HEAD' }),
    },
    body: (async function* () {
      yield body;
    })(),
  };
}
