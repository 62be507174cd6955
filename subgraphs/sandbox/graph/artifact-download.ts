import type { Database } from '../../shared/db.ts';
import type { Clock } from '../../shared/time.ts';
import type { ArtifactLink } from '../domain/artifact-link.ts';
import { openLink } from '../domain/artifact-link.ts';
import { findArtifact, readPart } from '../store/artifacts.ts';
import type { ArtifactRow } from '../store/rows.ts';

export interface Download {
  readonly status: 200 | 404 | 405 | 410;
  readonly headers: Readonly<Record<string, string>>;
  /** To be read once, or left. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface DownloadOptions {
  readonly db: Pick<Database, 'tx'>;
  readonly clock: Clock;
  readonly key: Uint8Array;
}

/** Answers `GET /artifacts/<link>/<name>`: whoever has the link has all it takes. */
export type ArtifactDownloads = (request: {
  readonly method: string;
  /** What follows `/artifacts/` in the URL, without its query. */
  readonly path: string;
}) => Promise<Download>;

/**
 * Makes the answers under which artifacts are fetched.
 *
 * A link names one file of one tenant and cannot be changed into another. What
 * is served was written by a stranger's program: browsers save it, guess no
 * type, and run nothing of it. A link of nothing, and one that was tampered
 * with, answer the same.
 */
export function artifactDownloads({ db, clock, key }: DownloadOptions): ArtifactDownloads {
  return async ({ method, path }) => {
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
    const body = method === 'HEAD' ? nothing() : contentOf(db, decision.link);
    return { status: 200, headers: headersOf(artifact), body };
  };
}

const safety = {
  'cache-control': 'private, no-store',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function headersOf({ path, bytes, sha256, mediaType }: ArtifactRow): Record<string, string> {
  const name = path.split('/').at(-1) ?? 'artifact';
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  const digest = Buffer.from(sha256, 'hex').toString('base64');
  return {
    ...safety,
    'content-type': mediaType,
    'content-length': String(bytes),
    'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${extended(name)}`,
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

/** Part by part, each from its own transaction: a slow reader holds nothing. */
async function* contentOf(
  db: DownloadOptions['db'],
  { tenant, artifactId }: ArtifactLink,
): AsyncGenerator<Uint8Array> {
  for (let n = 1; ; n += 1) {
    const part = await db.tx(tenant, (tx) => readPart(tx, artifactId, n));
    if (!part) return;
    yield part;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A HEAD has no body.
}

function said(status: Exclude<Download['status'], 200>, text: string): Download {
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
