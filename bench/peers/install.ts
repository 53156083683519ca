// `npm run bench:peers -- --install`: the peers' own package and virtual environment, so that crossrank never depends on them.

import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { PEERS, PYTHON, PYTHON_STAMP } from './places.ts';

const SIZE_NOTE =
  'Python peers: torch from PyPI brings CUDA libraries, 7.3 GB in all. ' +
  'With PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu pip takes the CPU build, a fraction of it.';

/**
 * Sets up both. Each may fail alone: without Python transformers.js is still measured.
 *
 * @returns what went wrong, one line each
 */
export function install(): string[] {
  return [installTransformersJs(), installPython()].filter((problem) => problem !== null);
}

function installTransformersJs(): string | null {
  return run('npm', ['ci']) ? null : 'transformers.js: npm ci failed in bench/peers';
}

function installPython(): string | null {
  console.log(SIZE_NOTE);
  const python = process.env['PYTHON'] ?? 'python3';
  rmSync(PYTHON_STAMP, { force: true });
  if (!run(python, ['-m', 'venv', '.venv']))
    return `Python: '${python} -m venv' failed; PYTHON=... names another interpreter (3.11)`;
  if (!run(PYTHON, ['-m', 'pip', 'install', '--quiet', '-r', 'requirements.txt']))
    return 'Python: pip failed in bench/peers/.venv';
  writeFileSync(PYTHON_STAMP, '');
  return null;
}

function run(command: string, args: readonly string[]): boolean {
  console.log(`bench/peers$ ${[command, ...args].join(' ')}`);
  const { status } = spawnSync(command, args, { cwd: PEERS, stdio: 'inherit', shell: process.platform === 'win32' });
  return status === 0;
}
