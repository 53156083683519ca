// The library's entry: what `import ... from 'crossrank'` gives.

export {
  CrossEncoder,
  type CrossEncoderOptions,
  type Pair,
  type PredictOptions,
  type RankedDocumentResult,
  type RankOptions,
  type ScoreCallOptions,
} from './cross-encoder.ts';
export { ERROR_STATUS, type ErrorCode, RerankError } from './errors.ts';
export type { ActivationName, PairTemplate } from './protocol.ts';
