import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { everyObject } from './fixtures/everything.ts';
import type { AnyObject } from './fixtures/everything.ts';
import { misfits } from './fixtures/model-check.ts';
import { objectsOf, order, plain } from './fixtures/samples.ts';
import { faults } from './fixtures/schema-check.ts';
import type { Definitions } from './fixtures/schema-check.ts';

/** Where the schemas of Kubernetes lie, with `k8s-schemas/definitions.json`. Without it they are left out. */
const dataFolder = process.env['FORGE_TEST_DATA'];

const { job } = objectsOf(order, plain);
const misspelt = { ...job, spec: { ...job.spec, backofLimit: 0 } };
const mistyped = { ...job, spec: { ...job.spec, backoffLimit: '0' } };

describe('the models of the client', () => {
  it('know every field of every object that is made', () => {
    expect(everyObject().flatMap(misfits)).toEqual([]);
  });

  it('do not know a field that is misspelt', () => {
    expect(misfits(misspelt)).toEqual(['.spec.backofLimit: V1JobSpec has no such field']);
  });

  it('do not take a value of another type', () => {
    expect(misfits(mistyped)).toEqual(['.spec.backoffLimit: must be a number']);
  });

  it('do not take half a container', () => {
    const half = {
      kind: 'Job',
      spec: { template: { spec: { containers: [{ env: [{ name: 1 }] }] } } },
    };
    expect(misfits(half)).toEqual([
      '.spec.template.spec.containers[0].env[0].name: must be a string',
    ]);
  });
});

(dataFolder ? describe : describe.skip)('the schemas of Kubernetes 1.36', () => {
  const definitions = (): Definitions => {
    const path = join(dataFolder ?? '', 'k8s-schemas/definitions.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { definitions: Definitions }).definitions;
  };

  const faultsIn = (object: AnyObject, all: Definitions): string[] => {
    const [version = '', group = 'core'] = (object.apiVersion ?? '').split('/').reverse();
    const short = group.replace(/[.]k8s[.]io$/, '').replace('rbac.authorization', 'rbac');
    const name = `io.k8s.api.${short}.${version}.${object.kind ?? ''}`;
    const wrong = faults(object, { $ref: `#/definitions/${name}` }, all);
    return wrong.map((fault) => `${object.kind ?? ''}${fault}`);
  };

  it('find no fault in any object that is made', () => {
    const all = definitions();
    expect(everyObject().flatMap((object) => faultsIn(object, all))).toEqual([]);
  });

  it('find what is misspelt, mistyped and missing', () => {
    const all = definitions();
    const nameless = { ...job, spec: { template: { spec: {} } } };
    expect(faultsIn(misspelt, all)).toEqual(['Job.spec.backofLimit: there is no such field']);
    expect(faultsIn(mistyped, all)).toEqual(['Job.spec.backoffLimit: must be of the type integer']);
    expect(faultsIn(nameless, all)).toEqual(['Job.spec.template.spec.containers: is missing']);
  });
});
