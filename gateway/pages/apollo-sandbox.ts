import type { HttpRoute } from './explorer.ts';

/**
 * Serves Apollo Sandbox at `/sandbox`, for who knows it. It comes from Apollo's
 * servers and runs in a frame of theirs; what is asked goes from the browser to
 * this gateway. The explorer at `/` needs no internet.
 */
export function apolloSandbox(): HttpRoute {
  return (request, response, url) => {
    const answer = request.method === 'GET' ? files.get(url.pathname) : undefined;
    if (!answer) return Promise.resolve(false);
    response.writeHead(200, {
      'content-type': answer.type,
      'content-length': Buffer.byteLength(answer.body),
      'content-security-policy': policy,
      'cache-control': 'no-cache',
    });
    response.end(answer.body);
    return Promise.resolve(true);
  };
}

const cdn = 'https://embeddable-sandbox.cdn.apollographql.com';
const frame = 'https://sandbox.embed.apollographql.com';

const policy = [
  "default-src 'none'",
  `script-src 'self' ${cdn}`,
  "style-src 'unsafe-inline'",
  `frame-src ${frame}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = `<!doctype html>
<html lang="en">
<title>Apollo Sandbox</title>
<meta name="viewport" content="width=device-width">
<body style="margin: 0">
<div id="sandbox" style="height: 100vh"></div>
<noscript>Apollo Sandbox is a program: allow scripts, or use the explorer at <a href="/">/</a>.</noscript>
<script src="${cdn}/_latest/embeddable-sandbox.umd.production.min.js"></script>
<script src="/sandbox/start.js"></script>
</body>
</html>
`;

const start = `if (window.EmbeddedSandbox) {
  new window.EmbeddedSandbox({
    target: '#sandbox',
    initialEndpoint: new URL('/graphql', location.href).href,
    endpointIsEditable: false,
    runTelemetry: false,
    initialState: {
      document: '# npm run -s token prints a token for the header below.\\n{ __typename }\\n',
      headers: { Authorization: 'Bearer ' },
    },
  });
} else {
  document.querySelector('#sandbox').textContent =
    'Apollo Sandbox comes from the internet, which cannot be reached. The explorer at / needs none.';
}
`;

const files: ReadonlyMap<string, { readonly type: string; readonly body: string }> = new Map([
  ['/sandbox', { type: 'text/html; charset=utf-8', body: page }],
  ['/sandbox/start.js', { type: 'text/javascript; charset=utf-8', body: start }],
]);
