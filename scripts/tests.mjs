// Which test files run, and how. A filter runs those files and no more, on an incremental build.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// As in dev.mjs: the compiler itself, not the script that starts it.
import compilerPath from '../node_modules/typescript/lib/getExePath.js';
import { compile } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const clients = join('test', 'clients');
const containers = join('test', 'containers');

/** Two files at a time: many tests start worker threads of their own. */
const FLAGS = ['--test', '--test-concurrency=2', '--test-timeout=300000'];

/**
 * Sources of the tests that are meant: all but those that need a container engine, or those whose path contains one of the filters.
 *
 * @param filters parts of paths (`pool`, `pool/fair`)
 * @throws Error when there is none
 */
export function chooseTests(filters) {
  const files = testSources().filter((name) => !name.startsWith(containers));
  const chosen = filters.length === 0 ? files : files.filter((name) => filters.some((filter) => name.includes(filter)));
  if (chosen.length === 0) throw new Error(`no test file matches ${filters.join(' ') || 'test'}`);
  return chosen;
}

/** Tests that need a container engine. */
export function containerTests() {
  return testSources().filter((name) => name.startsWith(containers));
}

/** Whether tests of other people's clients are among them: those need 250 MB of packages. */
export function needsClients(files) {
  return files.some((name) => name.startsWith(clients));
}

/** Compiles the tests of other people's clients; the link lets them find their packages. */
export function buildClientTests() {
  compile(join(clients, 'tsconfig.json'));
  const link = join(root, 'dist', clients, 'node_modules');
  if (!existsSync(link)) symlinkSync(join(root, clients, 'node_modules'), link, 'junction');
}

/** Arguments of node that run the compiled files. */
export function runnerArguments(files) {
  return [...FLAGS, ...files.map(compiled)];
}

/** One file at a time: each starts several servers. */
export function containerArguments(files) {
  return ['--test', '--test-concurrency=1', '--test-timeout=600000', ...files.map(compiled)];
}

/** Prepared copies stay out of the user's cache, and are made anew. */
export function testEnvironment() {
  const cache = join(root, 'build', 'test-cache');
  rmSync(cache, { recursive: true, force: true });
  return { ...process.env, CROSSRANK_CACHE_DIR: cache };
}

/** The compiler watches the sources, node the compiled tests and what they import. Ends with Ctrl+C. */
export async function watchTests(files) {
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] };
  const compiler = spawn(compilerPath(), ['-p', '.', '--watch', '--preserveWatchOutput'], options);
  const runner = spawn(process.execPath, ['--watch', ...runnerArguments(files)], { ...options, env: testEnvironment() });
  const end = () => {
    compiler.kill();
    runner.kill();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  await Promise.all([compiler, runner].map((child) => new Promise((resolve) => child.once('exit', resolve))));
}

function testSources() {
  return readdirSync(join(root, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => join('test', name))
    .sort();
}

function compiled(name) {
  return join('dist', name.replace(/\.ts$/, '.js'));
}
