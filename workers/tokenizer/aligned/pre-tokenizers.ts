// The pre_tokenizer block of tokenizer.json on texts that remember where they came from. Only workers/tokenizer/load.ts imports it.
// Gives the words that ../pre-tokenizers.ts gives for a whole text; a test holds the two together.

import { arrayAt, failModel, flag, type Json, objectAt } from '../json.ts';
import { fixedPieceEnd, gpt2PieceEnd, metaspaceOptions, pieceLength, type SplitRule, splitRules } from '../pre-tokenizers.ts';
import { keptRanges } from '../regex.ts';
import type { AlignedText, Range } from './aligned-text.ts';
import { alignBytes } from './normalizers.ts';

/** Pieces -> finer pieces, none of them empty. */
export type AlignedPreTokenizer = (pieces: readonly AlignedText[]) => AlignedText[];

/** @throws RerankError `model_files` for a type or pattern we do not know */
export function createAlignedPreTokenizer(config: unknown, where: string): AlignedPreTokenizer {
  if (config === null || config === undefined) return (pieces) => pieces.filter(({ text }) => text !== '');
  const block = objectAt(config, where);
  const rules = splitRules(block, where);
  if (rules !== null) return sequence(rules.map(splitBy));
  switch (block.type) {
    case 'ByteLevel':
      return byteLevel(block);
    case 'FixedLength':
      return fixedLength(pieceLength(block, where));
    case 'Metaspace':
      return metaspace(block, where);
    case 'Sequence':
      return sequence(
        arrayAt(block.pretokenizers, `${where}.pretokenizers`).map((stage, i) =>
          createAlignedPreTokenizer(stage, `${where}.pretokenizers[${i}]`),
        ),
      );
    default:
      return failModel(where, `unknown pre_tokenizer ${String(block.type)}`);
  }
}

function sequence(stages: readonly AlignedPreTokenizer[]): AlignedPreTokenizer {
  return (pieces) => stages.reduce<AlignedText[]>((current, stage) => stage(current), [...pieces]);
}

function slices(piece: AlignedText, ranges: readonly Range[]): AlignedText[] {
  return ranges.map(({ start, end }) => piece.slice(start, end));
}

function splitBy({ splitter, behavior }: SplitRule): AlignedPreTokenizer {
  return (pieces) => pieces.flatMap((piece) => slices(piece, keptRanges(splitter(piece.text, piece.work), behavior)));
}

function byteLevel(config: Json): AlignedPreTokenizer {
  const addsPrefixSpace = flag(config.add_prefix_space, true);
  const splits = flag(config.use_regex, true);
  return (pieces) =>
    pieces.flatMap((piece) => {
      const spaced = addsPrefixSpace && !piece.text.startsWith(' ') ? piece.prepend(' ') : piece;
      return (splits ? slices(spaced, gpt2Ranges(spaced.text)) : [spaced]).map(alignBytes);
    });
}

function gpt2Ranges(text: string): Range[] {
  const ranges: Range[] = [];
  for (let start = 0; start < text.length; start = ranges.at(-1)!.end) ranges.push({ start, end: gpt2PieceEnd(text, start) });
  return ranges;
}

function fixedLength(length: number): AlignedPreTokenizer {
  return (pieces) => pieces.flatMap((piece) => slices(piece, fixedRanges(piece.text, length)));
}

function fixedRanges(text: string, length: number): Range[] {
  const ranges: Range[] = [];
  for (let start = 0; start < text.length; start = ranges.at(-1)!.end)
    ranges.push({ start, end: fixedPieceEnd(text, start, length) });
  return ranges;
}

function metaspace(config: Json, where: string): AlignedPreTokenizer {
  const { replacement, scheme, splits } = metaspaceOptions(config, where);
  return (pieces) =>
    pieces.flatMap((piece) => {
      const spaces = Array.from(piece.text.matchAll(/ /g), ({ index }) => ({ start: index, end: index + 1 }));
      const spaced = piece.replace(spaces, replacement);
      const prepends = scheme === 'always' || (scheme === 'first' && piece.origin.start === 0);
      const marked = prepends && !spaced.text.startsWith(replacement) ? spaced.prepend(replacement) : spaced;
      return splits ? slices(marked, rangesFromEach(marked.text, replacement)) : [marked];
    });
}

/** A range from every replacement character to the next. */
function rangesFromEach(text: string, replacement: string): Range[] {
  const ranges: Range[] = [];
  for (let start = 0; start < text.length; start = ranges.at(-1)!.end) {
    const next = text.indexOf(replacement, start + 1);
    ranges.push({ start, end: next < 0 ? text.length : next });
  }
  return ranges;
}
