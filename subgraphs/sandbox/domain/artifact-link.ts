import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a link lets its bearer fetch, and until when. */
export interface ArtifactLink {
  readonly tenant: string;
  readonly artifactId: string;
  readonly expiresAt: Date;
}

export const linkLifeMs = 300_000;

/** The part of a link that says everything and cannot be forged: `tenant.id.expiry.signature`. */
export function sealLink(key: Uint8Array, { tenant, artifactId, expiresAt }: ArtifactLink): string {
  const text = [tenant, artifactId, String(expiresAt.getTime())].join('.');
  return `${text}.${signatureOf(key, text)}`;
}

export type LinkDecision =
  | { readonly kind: 'valid'; readonly link: ArtifactLink }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'expired' };

/** Decides whether a link is ours and still good. Anything that was changed is nothing of ours. */
export function openLink(key: Uint8Array, sealed: string, now: Date): LinkDecision {
  const parts = sealed.split('.');
  const [tenant, artifactId, expiry, signature] = parts;
  if (
    parts.length !== 4 ||
    tenant === undefined ||
    artifactId === undefined ||
    expiry === undefined ||
    signature === undefined
  ) {
    return { kind: 'invalid' };
  }
  const right = Buffer.from(signatureOf(key, `${tenant}.${artifactId}.${expiry}`));
  const told = Buffer.from(signature);
  if (told.length !== right.length || !timingSafeEqual(told, right)) return { kind: 'invalid' };
  const expiresAt = new Date(Number(expiry));
  if (expiresAt <= now) return { kind: 'expired' };
  return { kind: 'valid', link: { tenant, artifactId, expiresAt } };
}

function signatureOf(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(`artifact\n${text}`).digest('base64url');
}
