// Every dialect the server speaks. Adding one is its own file and a line here.

import { cohere } from './cohere.ts';
import type { Dialect } from './dialect.ts';
import { infinity } from './infinity.ts';
import { jina } from './jina.ts';
import { llamacpp } from './llamacpp.ts';
import { native } from './native.ts';
import { original } from './original.ts';
import { superset } from './superset.ts';
import { tei } from './tei.ts';
import { vllm } from './vllm.ts';
import { voyage } from './voyage.ts';

/** In order of precedence on shared paths; the first one words errors where no dialect is at home. */
export const DIALECTS: readonly Dialect[] = [native, original, superset, tei, voyage, cohere, jina, infinity, vllm, llamacpp];
