import { dumpYaml, loadAllYaml } from '@kubernetes/client-node';

/**
 * Writes an object as a person would: one line for each text, however long, and
 * no anchors. The client leaves out what its models do not know.
 */
export function toYaml(object: object): string {
  return dumpYaml(object, { lineWidth: -1, noRefs: true });
}

/** Reads every document of a text as plain data, without fields that its kind does not have. */
export function fromYaml(text: string): unknown[] {
  const documents: unknown[] = loadAllYaml(text);
  return documents.map((document): unknown => JSON.parse(JSON.stringify(document)));
}
