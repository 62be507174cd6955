import { uploadTokenKey } from '../attempt/secret.ts';
import { hasOnly, rulesFor, unless } from './rule.ts';
import { hasHash, identityOf } from './job.ts';

const keyPattern = new RegExp(`^(source|env[.][0-9]+|${uploadTokenKey})$`);
const uidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Rules for the Secret of an attempt. */
export const secretRules = rulesFor('Secret', {
  'secret-identity': [
    'Name, namespace and labels of a Secret say whose attempt it is, and all the same.',
    (secret) => [
      ...identityOf(secret),
      ...unless({ 'metadata.annotations': hasHash(secret.metadata?.annotations) }),
    ],
  ],
  'secret-owner': [
    'A Secret goes with the Job of its attempt.',
    ({ metadata }) => {
      const [owner] = metadata?.ownerReferences ?? [];
      return unless({
        'metadata.ownerReferences':
          metadata?.ownerReferences?.length === 1 &&
          hasOnly(owner, ['apiVersion', 'kind', 'name', 'uid']) &&
          owner?.apiVersion === 'batch/v1' &&
          owner.kind === 'Job' &&
          owner.name === metadata.name &&
          uidPattern.test(owner.uid ?? ''),
      });
    },
  ],
  'secret-stays': [
    'What an attempt runs is not changed behind it.',
    ({ immutable, type }) => unless({ immutable: immutable === true, type: type === 'Opaque' }),
  ],
  'secret-content': [
    'A Secret holds the source, the variables and the token of its attempt, and nothing else.',
    ({ data }) =>
      unless({
        data: Object.keys(data ?? {}).every((key) => keyPattern.test(key)),
        'data.source': (data?.['source'] ?? '') !== '',
      }),
  ],
  'secret-nothing-else': [
    'A Secret has no field that is not known here.',
    (secret) =>
      unless({
        apiVersion: secret.apiVersion === 'v1',
        metadata: hasOnly(secret.metadata, metadataFields),
        secret: hasOnly(secret, ['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data']),
      }),
  ],
});

const metadataFields = ['name', 'namespace', 'labels', 'annotations', 'ownerReferences'];
