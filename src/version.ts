// The version of this package, as package.json has it. Any main-thread module may import it.

import { readFileSync } from 'node:fs';

const PACKAGE_FILE = new URL('../../package.json', import.meta.url); // seen from dist/src

/** `0.1.0` */
export const VERSION: string = (JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version;
