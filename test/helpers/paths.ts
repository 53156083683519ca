// Where things lie in the repository, seen from compiled tests.

import { fileURLToPath } from 'node:url';

/** The repository root, without a trailing slash; compiled tests run from `dist/test/helpers`. */
export const repoRoot = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
