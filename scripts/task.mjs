// The set-up commands behind `npm start` and `npm test`: install when needed, build, then run. Node's own modules only,
// because nothing is installed yet when this starts; npm's lifecycle hooks are off (`ignore-scripts`), so it all happens here.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const clients = join(root, 'test', 'clients');

/** Ends the task when a step fails, with the step's own exit code. */
function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

/** Paths of the installed tools, so that no shell and no PATH are needed. */
function tool(path, ...args) {
  run(process.execPath, [join(root, 'node_modules', path), ...args]);
}

/** Runs `npm ci` when the folder's node_modules is absent or was made from another lockfile. */
function install(folder, what) {
  const stamp = join(folder, 'node_modules', '.crossrank-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error(`crossrank: installing ${what} (once)`);
  npm(folder, 'ci');
  writeFileSync(stamp, lock);
}

function npm(cwd, ...args) {
  const path = process.env.npm_execpath;
  if (path?.endsWith('.js')) run(process.execPath, [path, ...args], { cwd });
  else run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd, shell: process.platform === 'win32' });
}

/** Compiles to dist/; an image without the compiler keeps what was built before. */
function build({ clean = false, sourceMap = true } = {}) {
  if (!existsSync(join(root, 'node_modules', 'typescript'))) {
    if (existsSync(join(root, 'dist', 'src', 'main.js'))) return;
    throw new Error('TypeScript is not installed and dist/ is empty: run `npm ci` with development dependencies');
  }
  if (clean) rmSync(join(root, 'dist'), { recursive: true, force: true });
  tool('typescript/bin/tsc', '-p', 'tsconfig.json', '--sourceMap', String(sourceMap));
  rewriteDeclarations();
  chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755);
}

/** The compiler rewrites `./x.ts` to `./x.js` in the code only; in declarations `.ts` would ask the library's users for our sources. */
function rewriteDeclarations() {
  for (const folder of ['src', 'workers']) {
    const directory = join(root, 'dist', folder);
    for (const name of readdirSync(directory, { recursive: true })) {
      if (!name.endsWith('.d.ts')) continue;
      const text = readFileSync(join(directory, name), 'utf8');
      const rewritten = text.replace(/((?:from|import\()\s*(['"])\.{1,2}\/[^'"]+)\.ts\2/g, '$1.js$2');
      if (rewritten !== text) writeFileSync(join(directory, name), rewritten);
    }
  }
}

/** `build/crossrank-VERSION.tgz`: what `files` in package.json names, without source maps because the sources stay here. */
function pack() {
  build({ clean: true, sourceMap: false });
  mkdirSync(join(root, 'build'), { recursive: true });
  npm(root, 'pack', '--pack-destination', 'build');
}

/**
 * Other people's clients are 200 MB, so they have a folder and a lockfile of their own, and only the tests install them. The link
 * lets the compiled tests find them.
 */
function buildClientTests() {
  install(clients, 'the clients of other services that the tests use');
  tool('typescript/bin/tsc', '-p', join('test', 'clients', 'tsconfig.json'));
  symlinkSync(join(clients, 'node_modules'), join(root, 'dist', 'test', 'clients', 'node_modules'), 'junction');
}

function lint() {
  tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
}

/** Tests that need a container engine. */
const CONTAINERS = join('dist', 'test', 'containers');

/** Every compiled `*.test.js`; Node 20 takes no globs. A test left over from a removed source cannot exist: dist is made anew. */
function allTestFiles() {
  return readdirSync(join(root, 'dist', 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join('dist', 'test', name))
    .filter((name) => !name.includes('node_modules'))
    .sort();
}

function testFiles(filters) {
  const files = allTestFiles().filter((name) => !name.startsWith(CONTAINERS));
  const chosen = filters.length === 0 ? files : files.filter((name) => filters.some((filter) => name.includes(filter)));
  if (chosen.length === 0) throw new Error(`no test file matches ${filters.join(' ') || 'dist/test'}`);
  return chosen;
}

/** Two files at a time: many tests start worker threads of their own. Prepared copies stay out of the user's cache, and are made anew. */
function test(filters) {
  const cache = join(root, 'build', 'test-cache');
  rmSync(cache, { recursive: true, force: true });
  const env = { ...process.env, CROSSRANK_CACHE_DIR: cache };
  run(process.execPath, ['--test', '--test-concurrency=2', '--test-timeout=300000', ...testFiles(filters)], { env });
}

/** One file at a time: each starts several servers. */
function testContainers() {
  const files = allTestFiles().filter((name) => name.startsWith(CONTAINERS));
  run(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=600000', ...files]);
}

async function start(args) {
  const main = join(root, 'dist', 'src', 'main.js');
  process.argv = [process.execPath, main, 'serve', ...args];
  await import(pathToFileURL(main).href);
}

const [task, ...args] = process.argv.slice(2);
process.env.ORT_DISABLE_TELEMETRY = '1'; // for tests and benches that open sessions by themselves
process.chdir(root);
install(root, 'the locked dependencies');
switch (task) {
  case 'install':
    break; // done above; a layer of its own in the image
  case 'build':
    build({ clean: true });
    break;
  case 'package':
    pack();
    break;
  case 'dev':
    await import('./dev.mjs').then(({ dev }) => dev(args));
    break;
  case 'lint':
    lint();
    break;
  case 'test':
    build({ clean: true });
    buildClientTests();
    lint();
    test(args);
    break;
  case 'test:containers':
    build();
    testContainers();
    break;
  case 'start':
    build();
    await start(args);
    break;
  case 'bench':
    build();
    tool(join('..', 'dist', 'bench', 'main.js'), ...args);
    break;
  case 'bench:peers':
  case 'bench:quality':
  case 'bench:tokenizer':
    build();
    tool(join('..', 'dist', 'bench', `${task.slice('bench:'.length)}.js`), ...args);
    break;
  default:
    console.error(
      `unknown task '${task ?? ''}': start, test, test:containers, dev, build, package, lint, bench, bench:peers, bench:quality, bench:tokenizer`,
    );
    process.exit(2);
}
