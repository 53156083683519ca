// Driver: crossrank's library with its defaults, a worker for every core. Arguments: MODEL REQUESTS_FILE.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrossEncoder } from '../../src/index.ts';
import { VERSION } from '../../src/version.ts';
import { ROOT } from '../paths.ts';
import { driverLoop } from './driver-loop.ts';

const [model, requestsFile] = process.argv.slice(2);
const runtime = JSON.parse(readFileSync(join(ROOT, 'node_modules/onnxruntime-node/package.json'), 'utf8')) as { version: string };
await using encoder = await CrossEncoder.load(model!);
await driverLoop(requestsFile!, {
  versions: { crossrank: VERSION, node: process.versions.node, 'onnxruntime-node': runtime.version },
  rank: async (query, documents) => (await encoder.rank(query, documents)).map(({ corpusId, score }) => [corpusId, score]),
});
