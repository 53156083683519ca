// The set-up commands behind `npm start` and `npm test`: install when needed, build, then run. Node's own modules only,
// because nothing is installed yet when this starts; npm's lifecycle hooks are off (`ignore-scripts`), so it all happens here.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/** Loaded late: an image installs with this file alone. */
async function build(options) {
  const building = await import('./build.mjs');
  building.build(options);
}

/** `build/crossrank-VERSION.tgz`: what `files` in package.json names, without source maps because the sources stay here. */
async function pack() {
  await build({ clean: true, product: true, sourceMap: false });
  mkdirSync(join(root, 'build'), { recursive: true });
  npm(root, 'pack', '--pack-destination', 'build');
}

function lint() {
  tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
}

/** Lint and types, nothing run. */
async function check() {
  lint();
  (await import('./build.mjs')).checkTypes();
}

/** All of it, from an empty dist/ and with the linter; with filters those files only, on what is built already. */
async function test(filters) {
  const tests = await import('./tests.mjs');
  const files = tests.chooseTests(filters);
  await build({ clean: filters.length === 0 });
  if (tests.needsClients(files)) {
    install(clients, 'the clients of other services that the tests use');
    tests.buildClientTests();
  }
  if (filters.length === 0) lint();
  run(process.execPath, tests.runnerArguments(files), { env: tests.testEnvironment() });
}

async function watchTests(filters) {
  const tests = await import('./tests.mjs');
  const files = tests.chooseTests(filters).filter((name) => !tests.needsClients([name]));
  await build();
  await tests.watchTests(files);
}

async function testContainers() {
  const tests = await import('./tests.mjs');
  await build();
  run(process.execPath, tests.containerArguments(tests.containerTests()));
}

async function start(args) {
  await build({ product: true });
  const main = join(root, 'dist', 'src', 'main.js');
  process.argv = [process.execPath, main, 'serve', ...args];
  await import(pathToFileURL(main).href);
}

async function bench(script, args) {
  await build();
  tool(join('..', 'dist', 'bench', script), ...args);
}

const TASKS = {
  install: () => {}, // done before any task; a layer of its own in the image
  start,
  build: () => build({ clean: true }),
  check,
  test,
  'test:watch': watchTests,
  'test:containers': testContainers,
  dev: async (args) => (await import('./dev.mjs')).dev(args),
  lint,
  package: pack,
  bench: (args) => bench('main.js', args),
  'bench:peers': (args) => bench('peers.js', args),
  'bench:quality': (args) => bench('quality.js', args),
  'bench:tokenizer': (args) => bench('tokenizer.js', args),
};

const [task, ...args] = process.argv.slice(2);
process.env.ORT_DISABLE_TELEMETRY = '1'; // for tests and benches that open sessions by themselves
process.chdir(root);
if (!Object.hasOwn(TASKS, task ?? '')) {
  console.error(`unknown task '${task ?? ''}': ${Object.keys(TASKS).join(', ')}`);
  process.exit(2);
}
install(root, 'the locked dependencies');
await TASKS[task](args);
