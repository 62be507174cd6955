import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../../infra/root.ts';

/** The sources of the control plane, read beside the sources of the product, not from dist/. */
const sources = join(root, 'test/kubernetes/control-plane');

export interface ControlPlaneBinary {
  readonly path: string;
  /** Of Kubernetes, as in `v1.36.3`. */
  readonly version: string;
  readonly isBuilt: boolean;
}

/**
 * Where the control plane of this version lies when it is built: in the user's
 * cache, so that every checkout of the same sources shares it.
 */
export async function controlPlaneBinary(cache = cacheFolder()): Promise<ControlPlaneBinary> {
  const texts = await Promise.all(
    ['go.mod', 'go.sum', 'main.go'].map((name) => readFile(join(sources, name), 'utf8')),
  );
  const version = /^\tk8s[.]io\/kubernetes (v\S+)$/m.exec(texts[0] ?? '')?.[1] ?? 'unknown';
  const sha256 = createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
  const path = join(cache, `${version}-${process.arch}-${sha256}`, 'control-plane');
  const isBuilt = await access(path).then(
    () => true,
    () => false,
  );
  return { path, version, isBuilt };
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'forge/kubernetes');
}

/** How Go calls itself. Undefined where there is none. */
export async function goVersion(): Promise<string | undefined> {
  try {
    return (await promisify(execFile)('go', ['version'])).stdout.trim();
  } catch {
    return undefined;
  }
}

/**
 * Builds the control plane and gives it its name when it is whole. What Go has
 * compiled it keeps itself: a build that was broken off goes on where it stopped.
 */
export async function buildControlPlane({ path, version }: ControlPlaneBinary): Promise<void> {
  const folder = join(path, '..');
  await mkdir(folder, { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  const [major = '', minor = ''] = version.slice(1).split('.');
  const named = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
  const options = ['-p', '2', '-trimpath', '-buildvcs=false', '-mod=readonly'];
  const words = ['build', ...options, '-ldflags', `-s -w ${named}`, '-o', partial, '.'];
  const env = { ...process.env, CGO_ENABLED: '0' };
  const child = spawn('nice', ['-n', '10', 'go', ...words], {
    ...{ cwd: sources, env, stdio: ['ignore', 'inherit', 'inherit'] },
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) {
    throw new Error(
      `Go could not build Kubernetes ${version} (exit ${code}): what it said is above. ` +
        'It needs about 3 GiB of disk and a module proxy (go env GOPROXY).',
    );
  }
  await rename(partial, path);
}
