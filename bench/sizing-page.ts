// `node dist/bench/sizing-page.js`: puts the committed results into docs/sizing.md. A test fails while the page says something else.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULTS, ROOT } from './paths.ts';
import { fillPage, type SizingSources, sizingBlocks } from './report/sizing-figures.ts';

const page = join(ROOT, 'docs/sizing.md');
const result = (name: string) => JSON.parse(readFileSync(join(RESULTS, `${name}.json`), 'utf8'));
const sources: SizingSources = {
  ...{ engine: result('engine'), pool: result('pool'), http: result('http'), memory: result('memory'), growth: result('growth') },
  sizing: existsSync(join(RESULTS, 'sizing.json')) ? result('sizing') : null,
};
writeFileSync(page, fillPage(readFileSync(page, 'utf8'), sizingBlocks(sources)));
