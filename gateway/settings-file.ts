import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { ConfigError } from '../subgraphs/shared/config.ts';

/**
 * Reads the JSON file that a setting names; undefined when it names none. Throws
 * a ConfigError with all that is wrong with it.
 */
export async function settingsFile<T>(
  setting: string,
  path: string | undefined,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  if (path === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError([
      `${setting} names ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
    ]);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new ConfigError(
    read.error.issues.map(
      ({ path: at, message }) => `${setting}: ${at.join('.') || 'the file'} ${message}.`,
    ),
  );
}
