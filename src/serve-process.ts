// Entry of each serving process of `crossrank serve --processes N`; the primary starts it. Nobody imports it.

import { runServingProcess } from './cli/serve-process.ts';

await runServingProcess();
