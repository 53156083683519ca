// The closed list of architectures.

import { RerankError } from '../../../errors.ts';
import { ALBERT } from './albert.ts';
import type { Architecture } from './architecture.ts';
import { BERT, CAMEMBERT, ELECTRA, ROBERTA, XLM_ROBERTA, XLM_ROBERTA_FLASH } from './bert.ts';
import type { Config } from './config.ts';
import { DEBERTA_V2 } from './deberta.ts';
import { DECODER_CLASSIFIERS, LLAMA_BIDIRECTIONAL } from './decoder.ts';
import { DISTILBERT } from './distilbert.ts';
import { JINA_BERT } from './jina-bert.ts';
import { MODERNBERT } from './modernbert.ts';
import { MPNET } from './mpnet.ts';
import { NEOBERT } from './neobert.ts';
import { GTE, NEW } from './new.ts';
import type { Weights } from './weights.ts';

/** Models with a classifier. Of two with one name or type, the one that is known by its weights comes first. */
export const CLASSIFIERS: readonly Architecture[] = [
  ALBERT,
  JINA_BERT,
  BERT,
  CAMEMBERT,
  DEBERTA_V2,
  DISTILBERT,
  ELECTRA,
  MODERNBERT,
  MPNET,
  NEOBERT,
  GTE,
  NEW,
  ROBERTA,
  XLM_ROBERTA_FLASH,
  XLM_ROBERTA,
  ...DECODER_CLASSIFIERS,
  LLAMA_BIDIRECTIONAL,
];

/** @throws RerankError `model_files` when the configuration names none, or one that is not in the list */
export function findArchitecture(known: readonly Architecture[], config: Config, weights: Weights): Architecture {
  const [wanted = '(none named)'] = config.texts('architectures');
  const found = known.find((each) => each.name === wanted && isStored(each, weights));
  if (found !== undefined) return found;
  const names = [...new Set(known.map(({ name }) => name))].join(', ');
  throw new RerankError('model_files', `config.json: the architecture ${wanted} is not known; known are ${names}`);
}

/** What is below the head, by `model_type`. @throws RerankError `model_files` as {@link findArchitecture} */
export function findBody(config: Config, weights: Weights): Architecture {
  const wanted = config.text('model_type', '(none)');
  const found = CLASSIFIERS.find((each) => each.modelType === wanted && isStored(each, weights));
  if (found !== undefined) return found;
  const types = [...new Set(CLASSIFIERS.map(({ modelType }) => modelType))].join(', ');
  throw new RerankError('model_files', `config.json: the model_type ${wanted} is not known; known are ${types}`);
}

function isStored({ isStoredAs }: Architecture, weights: Weights): boolean {
  return isStoredAs === undefined || weights.hasLike(isStoredAs);
}
