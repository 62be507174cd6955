import { describe, expect, it } from '@jest/globals';
import { AwsV4Signer } from 'aws4fetch';
import { signatureProblem } from './signature.ts';
import type { SignedRequest } from './signature.ts';

/** Source: Amazon S3, Signature Calculations for the Authorization Header, Examples. */
const published = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const at = { region: 'us-east-1', now: new Date('2013-05-24T00:00:00Z') };
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const host = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' };

function example(
  method: string,
  target: string,
  headers: Record<string, string>,
  signature: string,
): SignedRequest {
  const all = { ...host, ...headers };
  const names = Object.keys(all).sort().join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=${signature}`;
  return { method, target, headers: { ...all, authorization } };
}

const examples: readonly (readonly [string, SignedRequest])[] = [
  [
    'GET object',
    example(
      'GET',
      '/test.txt',
      { range: 'bytes=0-9', 'x-amz-content-sha256': empty },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  ],
  [
    'PUT object',
    example(
      'PUT',
      '/test%24file.text',
      {
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
  ],
  [
    'GET bucket lifecycle',
    example(
      'GET',
      '/?lifecycle',
      { 'x-amz-content-sha256': empty },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
  ],
  [
    'list objects',
    example(
      'GET',
      '/?max-keys=2&prefix=J',
      { 'x-amz-content-sha256': empty },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  ],
];

describe.each(examples)('the published example of %s', (_name, request) => {
  it('is right, and wrong once anything that is signed is another', () => {
    expect(signatureProblem(request, published, at)).toBeUndefined();
    const other = (change: Partial<SignedRequest>) =>
      signatureProblem({ ...request, ...change }, published, at);
    expect(other({ method: 'DELETE' })).toBe('SignatureDoesNotMatch');
    expect(other({ target: `${request.target}x` })).toBe('SignatureDoesNotMatch');
    const headers = { ...request.headers, 'x-amz-content-sha256': '0'.repeat(64) };
    expect(other({ headers })).toBe('SignatureDoesNotMatch');
    expect(other({ headers: { ...request.headers, host: 'other' } })).toBe('SignatureDoesNotMatch');
    const added = { ...request.headers, 'x-amz-acl': 'public-read' };
    expect(other({ headers: added })).toBe('AccessDenied');
  });

  it('is for one secret, one region and a quarter of an hour', () => {
    const key = { ...published, secretAccessKey: 'other' };
    expect(signatureProblem(request, key, at)).toBe('SignatureDoesNotMatch');
    const id = { ...published, accessKeyId: 'other' };
    expect(signatureProblem(request, id, at)).toBe('InvalidAccessKeyId');
    const far = { ...at, region: 'eu-central-1' };
    expect(signatureProblem(request, published, far)).toBe('AuthorizationHeaderMalformed');
    const late = { ...at, now: new Date('2013-05-24T00:15:01Z') };
    expect(signatureProblem(request, published, late)).toBe('RequestTimeTooSkewed');
    const { authorization: _none, ...bare } = request.headers;
    expect(signatureProblem({ ...request, headers: bare }, published, at)).toBe('AccessDenied');
  });
});

it('agrees with a signer that others wrote, whatever is in the path', async () => {
  for (const key of ['plain', 'a b/ñ/%', "odd!'()*", 'a+b=c&d']) {
    const url = `https://s3.test/bucket/${key.split('/').map(encodeURIComponent).join('/')}`;
    const signer = { ...published, url, method: 'GET', service: 's3', region: 'us-east-1' };
    const signed = await new AwsV4Signer({ ...signer, datetime: '20130524T000000Z' }).sign();
    const headers = { ...Object.fromEntries(signed.headers), host: 's3.test' };
    const target = new URL(url).pathname;
    expect(signatureProblem({ method: 'GET', target, headers }, published, at)).toBeUndefined();
  }
});
