// Encoders of the oracle's models, for the encoder tests.

import { loadModelSpec } from '../../../src/model/model-spec.ts';
import type { EncodeOptions } from '../../../src/protocol.ts';
import {
  type EncodedPair,
  PairEncoder,
  type PairEncoderSpec,
  PLAIN_ENCODING,
  type TokenRow,
} from '../../../workers/pair-encoder.ts';
import type { LoadOptions } from '../../../workers/tokenizer/load.ts';
import { PIECE_SIZES, type PieceSizes } from '../../../workers/tokenizer/text-encoder.ts';
import { oracleModel } from '../../helpers/oracle.ts';

/** Sizes of pieces that must give the same ids. */
export const PIECES = {
  smallest: { ...PIECE_SIZES, minPiece: 1 },
  /** As one string, whatever its length. */
  whole: { minPiece: 1e9, maxPiece: 1e9, maxWhole: 1e9, chunk: 1e9 },
  /** Through the stages chunk by chunk, cut nowhere before. */
  chunks: (units: number): PieceSizes => ({ minPiece: 1e9, maxPiece: 1e9, maxWhole: 0, chunk: units }),
} as const;

/** Above every recorded limit, so that the recorded one decides. */
const NO_LIMIT_TOKENS = 8192;

/** The spec of a family's model directory, without its own maximum length. */
export function encoderSpec(family: string): PairEncoderSpec {
  const spec = loadModelSpec(oracleModel(family), { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  return { ...spec, maxLength: NO_LIMIT_TOKENS };
}

export function familyEncoder(family: string, options: LoadOptions = {}, overrides: Partial<PairEncoderSpec> = {}): PairEncoder {
  return new PairEncoder({ ...encoderSpec(family), ...overrides }, options);
}

/** Encodes one pair that makes one row. */
export function encodePair(
  encoder: PairEncoder,
  query: string,
  document: string,
  maxLength: number | null,
): TokenRow & { readonly truncated: boolean } {
  const { rows, truncated } = encodeRows(encoder, query, document, { maxLength });
  return { ...rows[0]!, truncated };
}

/** Encodes one pair, in chunks when asked. */
export function encodeRows(encoder: PairEncoder, query: string, document: string, options: Partial<EncodeOptions>): EncodedPair {
  const encode = { ...PLAIN_ENCODING, ...options };
  const batch = { queries: [query], documents: [document], pairs: new Uint32Array([0, 0]), encode, prompt: '', cost: 1 };
  return encoder.encodeBatch(batch, () => false)![0]!;
}
