import { writeFile } from 'node:fs/promises';

export interface KubeconfigContent {
  readonly server: string;
  /** The file of the certificate, or what is in it. Undefined where there is no TLS. */
  readonly certificate: string | { readonly base64: string } | undefined;
  readonly token: string;
}

/** Writes how one user reaches a cluster, for that user's eyes alone. */
export async function writeKubeconfig(
  path: string,
  { server, certificate, token }: KubeconfigContent,
): Promise<void> {
  const authority =
    certificate === undefined
      ? { 'insecure-skip-tls-verify': true }
      : typeof certificate === 'string'
        ? { 'certificate-authority': certificate }
        : { 'certificate-authority-data': certificate.base64 };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, ...authority } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    users: [{ name: 'test', user: { token } }],
  };
  await writeFile(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
}
