// Compiles to dist/, as little as is needed. What is up to date is not compiled, what changed is compiled incrementally, and what was
// compiled from a source that is gone is removed.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** What a compilation covers: the product alone is enough to serve, and takes half the time. */
const PRODUCT = { config: 'tsconfig.product.json', folders: ['src', 'workers'] };
const ALL = { config: 'tsconfig.json', folders: ['src', 'workers', 'test', 'bench', 'examples'] };

/** The tests of other people's clients have a compilation of their own: it needs their packages. */
const CLIENTS = join('test', 'clients');

/**
 * @param options.clean     begins with an empty dist/: for what is packed, shipped or judged
 * @param options.product   only what serves
 * @param options.sourceMap left out of packages, whose readers have no sources
 */
export function build({ clean = false, product = false, sourceMap = true } = {}) {
  const what = product ? PRODUCT : ALL;
  const info = join(dist, `${what.config}.buildinfo`);
  const stamp = join(dist, `${what.config}.stamp`);
  if (!existsSync(join(root, 'node_modules', 'typescript'))) {
    if (existsSync(join(dist, 'src', 'main.js'))) return; // an image without the compiler keeps what was built before
    throw new Error('TypeScript is not installed and dist/ is empty: run `npm ci` with development dependencies');
  }
  if (clean || !existsSync(join(dist, 'src', 'main.js'))) rmSync(dist, { recursive: true, force: true });
  else if (isUpToDate(stamp, what)) return;
  const begunMs = Date.now();
  compile(what.config, '--sourceMap', String(sourceMap), '--incremental', '--tsBuildInfoFile', info);
  for (const folder of what.folders) removeOrphans(folder);
  rewriteDeclarations();
  chmodSync(join(dist, 'src', 'main.js'), 0o755);
  // The time of the start: a source saved while the compiler ran is newer.
  writeFileSync(stamp, String(begunMs));
}

/** Runs the compiler on a project. Ends the process with its exit code when it fails. */
export function compile(project, ...args) {
  const command = [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project, ...args];
  const { status, signal, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

/** Types of everything, nothing written. */
export function checkTypes() {
  compile('tsconfig.json', '--noEmit');
}

function isUpToDate(stamp, { folders }) {
  if (!existsSync(stamp)) return false;
  const builtMs = Number(readFileSync(stamp, 'utf8'));
  const settings = ['tsconfig.json', 'tsconfig.product.json', 'package-lock.json', join('scripts', 'build.mjs')];
  const sources = folders.flatMap((folder) => [folder, ...sourcesOf(folder).map((name) => join(folder, name))]);
  return [...settings, ...sources].every((name) => statSync(join(root, name)).mtimeMs < builtMs);
}

/** Sources and folders: a folder's time tells that something in it was removed. */
function sourcesOf(folder) {
  return readdirSync(join(root, folder), { recursive: true }).filter(
    (name) =>
      !name.includes('node_modules') && !join(folder, name).startsWith(CLIENTS) && (name.endsWith('.ts') || !name.includes('.')),
  );
}

function removeOrphans(folder) {
  const compiled = join(dist, folder);
  for (const name of readdirSync(compiled, { recursive: true })) {
    const source = /^(.*?)(?:\.d\.ts|\.js\.map|\.js)$/.exec(name)?.[1];
    if (source === undefined || name.includes('node_modules') || join(folder, name).startsWith(CLIENTS)) continue;
    if (!existsSync(join(root, folder, `${source}.ts`))) rmSync(join(compiled, name));
  }
}

/** The compiler rewrites `./x.ts` to `./x.js` in the code only; in declarations `.ts` would ask the library's users for our sources. */
function rewriteDeclarations() {
  for (const folder of PRODUCT.folders) {
    const directory = join(dist, folder);
    for (const name of readdirSync(directory, { recursive: true })) {
      if (!name.endsWith('.d.ts')) continue;
      const text = readFileSync(join(directory, name), 'utf8');
      const rewritten = text.replace(/((?:from|import\()\s*(['"])\.{1,2}\/[^'"]+)\.ts\2/g, '$1.js$2');
      if (rewritten !== text) writeFileSync(join(directory, name), rewritten);
    }
  }
}
