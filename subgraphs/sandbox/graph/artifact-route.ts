import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HttpRoute } from '../../shared/subgraph-server.ts';
import type { DownloadOptions } from './artifact-download.ts';
import { artifactDownloads } from './artifact-download.ts';

const artifactsPath = '/artifacts/';

/** Serves artifacts over HTTP, as fast as the client takes them and no faster. */
export function artifactRoute(options: DownloadOptions): HttpRoute {
  const downloads = artifactDownloads(options);
  return async (request, response, url) => {
    if (!url.pathname.startsWith(artifactsPath)) return false;
    const path = url.pathname.slice(artifactsPath.length);
    const { range, 'if-range': ifRange } = request.headers;
    const asked = { method: request.method ?? 'GET', path, range, ifRange: first(ifRange) };
    const { status, headers, body } = await downloads(asked);
    response.writeHead(status, headers);
    await pipeline(Readable.from(body), response).catch((cause: unknown) => {
      // Whoever left has what they wanted; what broke otherwise cuts the answer short.
      if (!response.destroyed) throw cause;
    });
    return true;
  };
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
