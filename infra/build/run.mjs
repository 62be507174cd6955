/**
 * Builds what changed and runs one entry point in this same process:
 *
 *   node infra/build/run.mjs gateway/main.ts --port 4000
 *
 * npm scripts `exec` it as their one command, so that a signal sent to npm reaches
 * the program itself and not a shell in between. It refuses a Node that is too old with a sentence instead of
 * a stack from deep inside a library, keeps compiled code between starts, and lets
 * stacks name the TypeScript sources.
 */
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const nodeMajorMin = 24;
const cacheFlushAfterMs = 5_000;

if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  process.stderr.write(
    `Forge runs on Node ${nodeMajorMin}, this is ${process.version}. ` +
      'Start it through npm (npm start), which uses the Node that npm ci installed.\n',
  );
  process.exit(78);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const entry = join(root, 'dist', process.argv[2].replace(/\.ts$/, '.js'));
process.argv.splice(1, 2, entry);

nodeModule.setSourceMapsSupport(true, { nodeModules: false });
nodeModule.enableCompileCache(join(root, 'node_modules/.cache/compile'));
setTimeout(() => nodeModule.flushCompileCache(), cacheFlushAfterMs).unref();

const { build } = await import('./build.mjs');
await build();
await import(pathToFileURL(entry).href);
