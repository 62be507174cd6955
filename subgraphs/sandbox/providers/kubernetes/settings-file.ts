import { readFileSync } from 'node:fs';
import { ConfigError } from '../../../shared/config.ts';
import { sandboxClusterSettings } from './manifests/settings.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';

/** Reads what an operator says of the cluster, and says everything that is wrong with it at once. */
export function readClusterSettings(file: string): SandboxClusterSettings {
  const found = sandboxClusterSettings.safeParse(contentOf(file));
  if (found.success) return found.data;
  throw new ConfigError(
    found.error.issues.map(({ path, message }) => `${file}: ${path.join('.')} ${message}`),
  );
}

function contentOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([`FORGE_SANDBOX_SETTINGS: ${file} cannot be read: ${why}`]);
  }
}
