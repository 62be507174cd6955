import type { Playbook } from './playbook.ts';
import { playbookId, playbookProblems } from './playbook.ts';
import { runCheckV1 } from './run-check.ts';

/** Every version of every playbook that runs may hold. */
export interface Catalogue {
  /** The newest version of each playbook, by key. */
  readonly newest: readonly Playbook[];
  /** Finds one version by `key@version`, or the newest by `key`. */
  find(id: string): Playbook | undefined;
}

/**
 * Puts playbooks into a catalogue. Refuses an unsound playbook and two of one
 * version, so that a mistake is seen at start and not in the middle of a run.
 */
export function catalogue(playbooks: readonly Playbook[]): Catalogue {
  const byId = new Map<string, Playbook>();
  const newestByKey = new Map<string, Playbook>();
  for (const playbook of playbooks) {
    const id = playbookId(playbook);
    const problems = playbookProblems(playbook);
    if (byId.has(id)) problems.push('this version is there twice');
    if (problems.length > 0) throw new Error(`Playbook ${id}: ${problems.join('; ')}.`);
    byId.set(id, playbook);
    const newest = newestByKey.get(playbook.key);
    if (!newest || newest.version < playbook.version) newestByKey.set(playbook.key, playbook);
  }
  const newest = [...newestByKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { newest, find: (id) => byId.get(id) ?? newestByKey.get(id) };
}

/** The playbooks of the product. A version stays here as long as a run may hold it. */
export const standardCatalogue = catalogue([runCheckV1]);
