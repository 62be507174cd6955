import { createHmac, timingSafeEqual } from 'node:crypto';

/** What an upload token lets its bearer do: leave the files of one attempt, once. */
export interface UploadGrant {
  readonly tenant: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly expiresAt: Date;
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** Something that was asked for with a token. */
export interface UploadRequest {
  readonly method: string;
  readonly path: string;
  /** The SHA-256 of its body in hexadecimal digits, as its sender says. */
  readonly contentSha256: string;
}

/**
 * A token: its claims, a dot, and a secret that follows from them.
 *
 * The secret stays with its bearer. What travels are the claims and a signature
 * over each request, so that whoever listens can ask for nothing else.
 */
export function sealUpload(key: Uint8Array, grant: UploadGrant): string {
  const { tenant, jobId, attempt, expiresAt, bytesMax, filesMax } = grant;
  const texts = [tenant, jobId].map((text) => Buffer.from(text).toString('base64url'));
  const numbers = [attempt, expiresAt.getTime(), bytesMax, filesMax].map(String);
  const claims = ['v1', ...texts, ...numbers].join('.');
  return `${claims}.${secretOf(key, claims)}`;
}

/** The signature that somebody with the secret of a token puts on a request. */
export function signUpload(secret: string, { method, path, contentSha256 }: UploadRequest): string {
  const text = [method, path, contentSha256].join('\n');
  return createHmac('sha256', secret).update(text).digest('hex');
}

export type UploadDecision =
  | { readonly kind: 'granted'; readonly grant: UploadGrant }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'expired' };

/** Decides whether a request comes from the bearer of a token of ours that is still good. */
export function openUpload(
  key: Uint8Array,
  { claims, signature }: { readonly claims: string; readonly signature: string },
  request: UploadRequest,
  now: Date,
): UploadDecision {
  const right = Buffer.from(signUpload(secretOf(key, claims), request));
  const told = Buffer.from(signature);
  if (told.length !== right.length || !timingSafeEqual(told, right)) return { kind: 'invalid' };
  // Nobody else could have signed it: the claims are as we wrote them.
  const [, tenant = '', jobId = '', ...numbers] = claims.split('.');
  const [attempt = 0, expiry = 0, bytesMax = 0, filesMax = 0] = numbers.map(Number);
  const expiresAt = new Date(expiry);
  if (expiresAt <= now) return { kind: 'expired' };
  const [owner, job] = [tenant, jobId].map((text) => Buffer.from(text, 'base64url').toString());
  const grant = { tenant: owner ?? '', jobId: job ?? '', attempt, expiresAt, bytesMax, filesMax };
  return { kind: 'granted', grant };
}

function secretOf(key: Uint8Array, claims: string): string {
  return createHmac('sha256', key).update(`upload\n${claims}`).digest('hex');
}
