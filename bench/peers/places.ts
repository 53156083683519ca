// Where the peers lie: sources and installations in bench/peers, compiled drivers in dist/bench/peers.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../paths.ts';

export const PEERS = join(ROOT, 'bench/peers');
export const DRIVERS = join(ROOT, 'dist/bench/peers');
export const PYTHON = join(PEERS, process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
export const TRANSFORMERS_JS = join(PEERS, 'node_modules/@huggingface/transformers/package.json');

/** Written when the last package is in; an installation that was cut off is none. */
export const PYTHON_STAMP = join(PEERS, '.venv/.crossrank-installed');

/** Which families of peers can run here. */
export interface Installed {
  readonly transformersJs: boolean;
  readonly python: boolean;
}

/** Looks for both installations. */
export function installed(): Installed {
  return { transformersJs: existsSync(TRANSFORMERS_JS), python: existsSync(PYTHON_STAMP) };
}
