import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as it came over the wire. */
export interface SignedRequest {
  readonly method: string;
  /** With its query, as it was sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Why S3 turns a request away, by its code. */
export type SignatureProblem =
  | 'AccessDenied'
  | 'AuthorizationHeaderMalformed'
  | 'InvalidAccessKeyId'
  | 'RequestTimeTooSkewed'
  | 'SignatureDoesNotMatch';

/**
 * Checks the signature of a request by its `Authorization` header, from what came
 * over the wire alone. Undefined: it is right.
 * Source: Amazon S3, Authenticating Requests: Using the Authorization Header
 * (AWS Signature Version 4).
 */
export function signatureProblem(
  request: SignedRequest,
  { accessKeyId, secretAccessKey }: Credentials,
  { region, now }: { readonly region: string; readonly now: Date },
): SignatureProblem | undefined {
  const { headers } = request;
  const parts = authorizationPattern.exec(headers['authorization'] ?? '')?.groups;
  if (!headers['authorization']) return 'AccessDenied';
  const { id, date = '', place, names = '', signature = '' } = parts ?? {};
  const stamp = headers['x-amz-date'] ?? '';
  const signed = names.split(';');
  if (!parts || place !== `${region}/s3` || !stamp.startsWith(date)) {
    return 'AuthorizationHeaderMalformed';
  }
  if (id !== accessKeyId) return 'InvalidAccessKeyId';
  if (!(Math.abs(timeOf(stamp) - now.getTime()) <= skewMsMax)) return 'RequestTimeTooSkewed';
  const mustBeSigned = ['host', ...Object.keys(headers).filter((one) => one.startsWith('x-amz-'))];
  if (!mustBeSigned.every((one) => signed.includes(one))) return 'AccessDenied';
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical(request, signed))].join('\n');
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretAccessKey}`,
  );
  const right = Buffer.from(hmac(key, text).toString('hex'));
  const told = Buffer.from(signature);
  const isRight = told.length === right.length && timingSafeEqual(told, right);
  return isRight ? undefined : 'SignatureDoesNotMatch';
}

const skewMsMax = 900_000;

const authorizationPattern =
  /^AWS4-HMAC-SHA256 Credential=(?<id>[^/]+)\/(?<date>\d{8})\/(?<place>[^/]+\/s3)\/aws4_request, ?SignedHeaders=(?<names>[a-z0-9;-]+), ?Signature=(?<signature>[0-9a-f]{64})$/;

function timeOf(stamp: string): number {
  return Date.parse(
    stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
}

function canonical({ method, target, headers }: SignedRequest, names: readonly string[]): string {
  const [path = '/', query = ''] = target.split(/\?(.*)/s);
  return [
    method,
    encoded(decodeURIComponent(path), true),
    queryOf(query),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'] ?? '',
  ].join('\n');
}

function queryOf(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return `${encoded(decodeURIComponent(name))}=${encoded(decodeURIComponent(value))}`;
    })
    .sort()
    .join('&');
}

/** What S3 leaves as it is: unreserved characters (RFC 3986), and in paths the slash. */
function encoded(text: string, keepsSlash = false): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      if (/[A-Za-z0-9._~-]/.test(letter) || (keepsSlash && letter === '/')) return letter;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
