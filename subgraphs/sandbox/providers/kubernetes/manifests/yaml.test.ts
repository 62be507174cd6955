import { expect, it } from '@jest/globals';
import { clusterObjects } from './cluster.ts';
import { full } from './fixtures/samples.ts';
import { fromYaml, toYaml } from './yaml.ts';

it('loses nothing of what a cluster has once', () => {
  const { admission, clusterRoles, clusterRoleBindings, priorityClass } = clusterObjects(full);
  const objects = [
    priorityClass,
    ...clusterRoles,
    ...clusterRoleBindings,
    ...admission.flatMap(({ policy, binding }) => [policy, binding]),
  ];
  const text = objects.map((object) => `---\n${toYaml(object)}`).join('');
  expect(fromYaml(text)).toStrictEqual(objects);
});
