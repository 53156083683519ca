// Where the bench finds and leaves things. Compiled: dist/bench/ -> the repository.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const RESULTS = join(ROOT, 'bench/results');
/** Random-weight models, outside git. */
export const MODEL_CACHE = join(ROOT, 'build/bench-models');
/** Prepared copies of the bench's models; the user's own cache stays as it is. */
export const COPIES = join(ROOT, 'build/bench-copies');
export const EMBEDDED_MODEL = join(ROOT, 'models/crossrank-mini');
export const MAIN = join(ROOT, 'dist/src/main.js');
