// The closed list of architectures.

import { RerankError } from '../../../errors.ts';
import { ALBERT } from './albert.ts';
import type { Architecture } from './architecture.ts';
import { BERT, CAMEMBERT, ELECTRA, ROBERTA, XLM_ROBERTA } from './bert.ts';
import type { Config } from './config.ts';
import { DEBERTA_V2 } from './deberta.ts';
import { DISTILBERT } from './distilbert.ts';
import { MODERNBERT } from './modernbert.ts';
import { MPNET } from './mpnet.ts';
import type { Weights } from './weights.ts';

const ARCHITECTURES: readonly Architecture[] = [
  ALBERT,
  BERT,
  CAMEMBERT,
  DEBERTA_V2,
  DISTILBERT,
  ELECTRA,
  MODERNBERT,
  MPNET,
  ROBERTA,
  XLM_ROBERTA,
];

/** Class names of what can be compiled. */
export const KNOWN_ARCHITECTURES: readonly string[] = ARCHITECTURES.map(({ name }) => name);

/** @throws RerankError `model_files` when the configuration names none, or one that is not in the list */
export function findArchitecture(config: Config, _weights: Weights): Architecture {
  const names = config.texts('architectures');
  const found = ARCHITECTURES.find(({ name }) => name === names[0]);
  if (found !== undefined) return found;
  throw new RerankError(
    'model_files',
    `config.json: the architecture ${names[0] ?? '(none named)'} is not known; known are ${KNOWN_ARCHITECTURES.join(', ')}`,
  );
}
