// What ByteLevel and RobertaProcessing do to offsets: spaces at the ends of a token do not count. Only workers/tokenizer imports it.
// Same as `process_offsets` of pre_tokenizers/byte_level.rs in tokenizers 0.22.2.

import { BYTE_CHARS } from '../byte-alphabet.ts';
import { flag, isObject, type Json } from '../json.ts';
import { stageBlocks } from '../pre-tokenizers.ts';
import { charFlags, FLAG_SPACE } from '../unicode.ts';
import type { AlignedToken } from './aligned-encoder.ts';

/** Trims one of a text's tokens; `index` is its place among them. */
export type OffsetTrim = (token: AlignedToken, index: number) => AlignedToken;

const BYTE_SPACE = BYTE_CHARS[0x20]!.charCodeAt(0);

/** The trims of a `post_processor` block, in order. */
export function offsetTrims(config: unknown): OffsetTrim[] {
  return stageBlocks(config, 'processors').filter(isTrimming).map(trimOf);
}

function isTrimming({ type, trim_offsets: trims }: Json): boolean {
  return (type === 'ByteLevel' || type === 'RobertaProcessing') && flag(trims, true);
}

function trimOf(config: Json): OffsetTrim {
  const addsPrefixSpace = flag(config.add_prefix_space, true);
  return (token, index) => {
    const { text, start, stop } = token;
    const isOurs = addsPrefixSpace && (index === 0 || start === 0);
    const leading = countSpaces(text, 0, 1);
    const trimmedStart = leading === 1 && isOurs ? start : Math.min(start + leading, stop);
    const trailing = countSpaces(text, text.length - 1, -1);
    const trimmedStop = stop >= trailing ? Math.max(stop - trailing, trimmedStart) : stop;
    return { ...token, start: trimmedStart, stop: trimmedStop };
  };
}

/** Characters from `from` on that are white space, or stand for a space in the byte alphabet. */
function countSpaces(text: string, from: number, step: 1 | -1): number {
  let count = 0;
  for (let i = from; i >= 0 && i < text.length; i += step) {
    const code = text.charCodeAt(i);
    if (code !== BYTE_SPACE && (charFlags[code]! & FLAG_SPACE) === 0) break;
    count += 1;
  }
  return count;
}

/** Classes of transformers 4.57 that write their own settings into the processor. */
const ROBERTA_CLASSES = /^(Roberta|Bart|Blenderbot|LED|Longformer|Mvp|LayoutLMv3|MarkupLM)Tokenizer(Fast)?$/;

/** The processor block after transformers changed it: in files of RoBERTa's family tokenizer_config.json decides. */
export function overridePostProcessor(postProcessor: unknown, { tokenizer_class: name, ...config }: Json): unknown {
  if (!isObject(postProcessor) || typeof name !== 'string' || !ROBERTA_CLASSES.test(name)) return postProcessor;
  return {
    ...postProcessor,
    ...('add_prefix_space' in postProcessor && { add_prefix_space: flag(config.add_prefix_space, false) }),
    ...('trim_offsets' in postProcessor && { trim_offsets: flag(config.trim_offsets, true) }),
  };
}
