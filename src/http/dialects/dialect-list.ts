// Every dialect the server speaks. Adding one is its own file and a line here.

import type { Dialect } from './dialect.ts';
import { native } from './native.ts';
import { original } from './original.ts';

/** In order of precedence on shared paths. */
export const DIALECTS: readonly Dialect[] = [native, original];

/** Answers for paths that no dialect owns. */
export const DEFAULT_DIALECT: Dialect = native;
