// The closed table of what a body may be before anything looks into it: sizes and structure, each with its default and the reason for it.

import { RerankError } from '../../errors.ts';

export interface BodyLimits {
  /** Bytes after decompression, and bytes on the wire: `--payload-limit`. */
  readonly bytes: number;
  /** Levels of lists and objects. */
  readonly depth: number;
  /** Values in the whole body: texts, numbers, literals, lists, objects. */
  readonly values: number;
  /** Values in one entry of a list that is a field of the body, and in all that is in no such list. One turn of the loop parses them. */
  readonly valuesOfPart: number;
  /** Keys of one object. */
  readonly keysOfObject: number;
  /** Keys, each where no object before had it behind the same keys. */
  readonly newKeys: number;
}

/** No contract nests more than five levels. What goes through objects one level at a time need not fear for its stack. */
const MAX_DEPTH = 32;

/** Documents may be objects with fields that nobody scores: so many values for each of the most documents a request may have. */
const VALUES_OF_DOCUMENT = 100;

/** However few documents a server takes, a small one may have its fields. */
const MIN_VALUES = 100_000;

/** An entry cannot be parsed in pieces. So many new keys take V8 some 30 ms. */
const MAX_VALUES_OF_PART = 20_000;

/** V8 gives up fast properties near there, and what goes over the keys of an object does it in one turn of the loop. */
const MAX_KEYS_OF_OBJECT = 1000;

/** Objects without a common shape are dear to whoever goes over them: ten such fields for each of ten thousand documents. */
const MAX_NEW_KEYS = 100_000;

/** @param settings of the server: the largest body, and the most documents or pairs in one */
export function bodyLimits(settings: { readonly payloadLimitBytes: number; readonly maxClientBatchSize: number }): BodyLimits {
  return {
    bytes: settings.payloadLimitBytes,
    depth: MAX_DEPTH,
    values: Math.max(MIN_VALUES, VALUES_OF_DOCUMENT * settings.maxClientBatchSize),
    valuesOfPart: MAX_VALUES_OF_PART,
    keysOfObject: MAX_KEYS_OF_OBJECT,
    newKeys: MAX_NEW_KEYS,
  };
}

/** Inflated bytes for each compressed one. Texts compress 3 to 20 times, texts that repeat a few dozen times. */
const MAX_RATIO = 100;

/** So much may come of any few bytes: a small body that repeats itself is no bomb. */
const RATIO_FREE_BYTES = 1_048_576;

/** @throws RerankError `payload_too_large` when a body grows out of proportion while it is inflated */
export function checkRatio(compressedBytes: number, inflatedBytes: number): void {
  if (inflatedBytes <= RATIO_FREE_BYTES + MAX_RATIO * compressedBytes) return;
  throw new RerankError('payload_too_large', `the body inflates to more than ${MAX_RATIO} times its compressed size`);
}

export function tooLarge(limitBytes: number): RerankError {
  return new RerankError('payload_too_large', `the body is larger than ${limitBytes} bytes`);
}

export function tooDeep({ depth }: BodyLimits): RerankError {
  return new RerankError('validation', `the body is nested deeper than ${depth} levels`);
}

export function tooManyValues({ values }: BodyLimits): RerankError {
  return new RerankError('payload_too_large', `the body has more than ${values} values`);
}

export function partTooLarge({ valuesOfPart }: BodyLimits): RerankError {
  return new RerankError(
    'payload_too_large',
    `a part of the body that is no list of documents has more than ${valuesOfPart} values`,
  );
}

export function tooManyNewKeys({ newKeys }: BodyLimits): RerankError {
  return new RerankError('payload_too_large', `the objects of the body have more than ${newKeys} different fields`);
}

export function tooManyKeys({ keysOfObject }: BodyLimits): RerankError {
  return new RerankError('payload_too_large', `an object of the body has more than ${keysOfObject} keys`);
}
