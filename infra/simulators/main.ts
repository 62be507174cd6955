import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../root.ts';
import { deriveSchemas } from './stripe/schema/derive.ts';

/** Writes what the simulators know of other systems from their clients. */
const schemas = deriveSchemas(join(root, 'node_modules/stripe'));
await writeFile(
  join(root, 'infra/simulators/stripe/schema/stripe.json'),
  `${JSON.stringify(schemas)}\n`,
);
