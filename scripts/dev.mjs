// `npm run dev`: the compiler watches the sources, the server restarts when what it runs was rebuilt. Ctrl+C ends both.
// Not `node --watch`: it follows the imports of the main thread only, and most of what changes here runs in worker threads.

import { spawn } from 'node:child_process';
import { mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// The compiler itself: bin/tsc is a script that starts it as a child, which would outlive a signal sent to the script.
import compilerPath from '../node_modules/typescript/lib/getExePath.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const WATCHED = ['dist/src', 'dist/workers'];
const QUIET_MS = 200; // one compilation writes many files
const SPAWN = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] };

/**
 * The first compilation starts the server, every later one restarts it; one with errors leaves it as it is.
 *
 * @param args flags of `crossrank serve`
 * @returns when both processes have ended after SIGINT or SIGTERM
 */
export async function dev(args) {
  for (const folder of WATCHED) mkdirSync(join(root, folder), { recursive: true });
  const server = new Server(args);
  const watchers = WATCHED.map((folder) =>
    watch(join(root, folder), { recursive: true }, (_event, name) => server.changed(name)),
  );
  const compiler = spawn(compilerPath(), ['-p', '.', '--watch', '--preserveWatchOutput', '--noEmitOnError'], SPAWN);
  const compilerEnded = ended(compiler);
  const end = () => {
    for (const watcher of watchers) watcher.close();
    compiler.kill();
    server.stop();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  await Promise.all([compilerEnded, server.stopped]);
}

class Server {
  #args;
  #child = null;
  #stopping = false;
  #timer = null;
  #resolve;
  stopped = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  constructor(args) {
    this.#args = args;
  }

  changed(name) {
    if (this.#stopping || !name?.endsWith('.js')) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#restart(), QUIET_MS);
  }

  /** The port is free only when the old process has ended: its end starts the new one. */
  #restart() {
    if (this.#child === null) return this.#start();
    console.error('dev: rebuilt, restarting the server');
    this.#child.kill();
  }

  #start() {
    // A request under way may finish, but nobody waits half a minute for a restart; the reader's own setting wins.
    const env = { CROSSRANK_DRAIN_TIMEOUT: '2', ...process.env };
    const child = spawn(process.execPath, ['--enable-source-maps', 'dist/src/main.js', 'serve', ...this.#args], {
      ...SPAWN,
      env,
    });
    this.#child = child;
    ended(child).then(() => this.#ended(child));
  }

  #ended(child) {
    this.#child = null;
    if (this.#stopping) this.#resolve();
    else if (child.killed) this.#start();
    else console.error('dev: the server ended; it starts again after the next change');
  }

  stop() {
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (this.#child === null) this.#resolve();
    else this.#child.kill();
  }
}

function ended(child) {
  return new Promise((resolve) => child.once('exit', resolve));
}
