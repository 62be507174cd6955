import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type * as Altair from 'altair-static';

/** Answers a request that is not for the graph; false when it is for somebody else. */
export type HttpRoute = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => Promise<boolean>;

/**
 * Serves a GraphQL explorer at `/` that needs no internet: its files come from
 * this machine and its page may connect to nothing but this gateway.
 */
export function explorer(): HttpRoute {
  const altair = createRequire(import.meta.url)('altair-static') as typeof Altair;
  const directory = altair.getDistDirectory();
  const page = altair.renderAltair({
    baseURL: base,
    serveInitialOptionsInSeperateRequest: initialOptionsFile,
  });

  return async (request, response, url) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    if (url.pathname === '/') {
      if (!(request.headers.accept ?? '').includes('text/html')) return false;
      response.setHeader('content-security-policy', policy);
      send(response, 'text/html; charset=utf-8', page);
      return true;
    }
    if (!url.pathname.startsWith(base)) return false;
    const name = url.pathname.slice(base.length);
    if (name === initialOptionsFile) {
      send(response, 'text/javascript; charset=utf-8', initialOptions(altair));
      return true;
    }
    if (altair.isSandboxFrame(name)) {
      response.setHeader('content-security-policy', altair.SANDBOX_FRAME_CSP);
    }
    return sendFile(response, directory, name);
  };
}

const base = '/explorer/';
const initialOptionsFile = 'initial-options.js';

/** Styles are inline because the page's framework writes them at run time; scripts never are. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "worker-src 'self' blob:",
  "frame-src 'self'",
  "manifest-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The addresses are the page's own, whatever name or proxy it was reached by. */
function initialOptions(altair: typeof Altair): string {
  const options = altair.renderInitSnippet({
    endpointURL: '<http>',
    subscriptionsEndpoint: '<ws>',
    initialSubscriptionRequestHandlerId: 'graphql-ws',
    initialHeaders: { Authorization: 'Bearer {{token}}' },
    initialSubscriptionsPayload: { authorization: 'Bearer {{token}}' },
    initialEnvironments: {
      base: { title: 'Environment', variables: { token: 'paste the output of: npm run -s token' } },
    },
    initialQuery: '# Set `token` in the environment first, then run this.\n{\n  __typename\n}\n',
    disableAccount: true,
  });
  return options
    .replace('`<http>`', 'new URL("/graphql", location.href).href')
    .replace('`<ws>`', 'new URL("/graphql", location.href).href.replace(/^http/, "ws")');
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

async function sendFile(
  response: ServerResponse,
  directory: string,
  name: string,
): Promise<boolean> {
  const path = normalize(join(directory, decoded(name)));
  const type = mediaTypes[extname(path)];
  if (!path.startsWith(directory + sep) || type === undefined) return false;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  response.writeHead(200, {
    'content-type': type,
    'content-length': found.size,
    'cache-control': 'public, max-age=3600',
  });
  await pipeline(createReadStream(path), response);
  return true;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-cache',
  });
  response.end(body);
}
