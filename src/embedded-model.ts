// Where the embedded model lies: at the package root, seen from `dist/src`. Library and command line import it.

import { fileURLToPath } from 'node:url';

export const EMBEDDED_MODEL_DIRECTORY = fileURLToPath(new URL('../../models/crossrank-mini', import.meta.url));
