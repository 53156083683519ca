// The closed list of architectures.

import { RerankError } from '../../../errors.ts';
import { ALBERT } from './albert.ts';
import type { Architecture } from './architecture.ts';
import { BERT, CAMEMBERT, ELECTRA, ROBERTA, XLM_ROBERTA } from './bert.ts';
import type { Config } from './config.ts';
import { DEBERTA_V2 } from './deberta.ts';
import { DECODER_CLASSIFIERS } from './decoder.ts';
import { DISTILBERT } from './distilbert.ts';
import { MODERNBERT } from './modernbert.ts';
import { MPNET } from './mpnet.ts';

/** Models with a classifier. */
export const CLASSIFIERS: readonly Architecture[] = [
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
  ...DECODER_CLASSIFIERS,
];

/** @throws RerankError `model_files` when the configuration names none, or one that is not in the list */
export function findArchitecture(known: readonly Architecture[], config: Config): Architecture {
  const [wanted = '(none named)'] = config.texts('architectures');
  const found = known.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = known.map(({ name }) => name).join(', ');
  throw new RerankError('model_files', `config.json: the architecture ${wanted} is not known; known are ${names}`);
}

/** What is below the head, by `model_type`. @throws RerankError `model_files` as {@link findArchitecture} */
export function findBody(config: Config): Architecture {
  const wanted = config.text('model_type', '(none)');
  const found = CLASSIFIERS.find(({ modelType }) => modelType === wanted);
  if (found !== undefined) return found;
  const types = CLASSIFIERS.map(({ modelType }) => modelType).join(', ');
  throw new RerankError('model_files', `config.json: the model_type ${wanted} is not known; known are ${types}`);
}
