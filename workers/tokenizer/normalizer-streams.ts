// The normalisers that see across characters, on texts that come in chunks. Only normalizers.ts imports it.

import { type LastCut, pushInChunks, type SinkMaker, type TextSink } from './text-sink.ts';
import { charFlags, FLAG_SPACE } from './unicode.ts';

/** The pattern of sentencepiece models that makes one space of several. */
export const SPACES_PATTERN = ' {2,}';

const isSpace = (code: number): boolean => (charFlags[code]! & FLAG_SPACE) !== 0;

/** Units of white space a text begins with. */
export function spacesAtStart(text: string): number {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start += 1;
  return start;
}

/** Where the white space begins that a text ends with. */
export function spacesAtEnd(text: string): number {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

/** Before the last unit that is no plain space, and no second half of a character. */
export const lastNonSpace: LastCut = (text) => {
  let at = text.length - 1;
  while (at > 0 && (text[at] === ' ' || (text.charCodeAt(at) & 0xfc00) === 0xdc00)) at -= 1;
  return Math.max(at, 0);
};

/** Puts the prefix before the first chunk of a section at an edge; an empty section stays empty. */
export function prependStream(prefix: string): SinkMaker {
  return (next) => {
    let isPending = false;
    return {
      begin(start) {
        isPending = start.isFirst;
        next.begin(start);
      },
      push(chunk) {
        next.push(isPending ? prefix + chunk : chunk);
        isPending = false;
      },
      end: (isLast) => next.end(isLast),
    };
  };
}

/** Drops white space at the edges: what may be the end is held until something else follows. */
export function stripStream(left: boolean, right: boolean): SinkMaker {
  return (next) => {
    let isLeading = false;
    let spaces: string[] = [];
    const release = (): void => {
      for (const held of spaces) next.push(held);
      spaces = [];
    };
    return {
      begin(start) {
        isLeading = left && start.isFirst;
        spaces = [];
        next.begin(start);
      },
      push(chunk) {
        const rest = isLeading ? chunk.slice(spacesAtStart(chunk)) : chunk;
        if (rest === '') return;
        isLeading = false;
        const end = right ? spacesAtEnd(rest) : rest.length;
        if (end > 0) {
          release();
          next.push(rest.slice(0, end));
        }
        if (end < rest.length) spaces.push(rest.slice(end));
      },
      end(isLast) {
        if (!isLast) release();
        next.end(isLast);
      },
    };
  };
}

/** Replaces a text wherever it stands; its beginning at the end of a chunk waits for the next one. */
export function replaceStream(wanted: string, content: string): SinkMaker {
  return (next) => {
    let held = '';
    const push = (text: string): void => {
      if (text !== '') pushInChunks(text, next);
    };
    return {
      begin: (start) => next.begin(start),
      push(chunk) {
        const text = held + chunk;
        let from = 0;
        let out = '';
        for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, from)) {
          out += text.slice(from, at) + content;
          from = at + wanted.length;
        }
        const open = Math.max(from, openEnd(text, wanted.length - 1));
        held = text.slice(open);
        push(out + text.slice(from, open));
      },
      end(isLast) {
        push(held);
        held = '';
        next.end(isLast);
      },
    } satisfies TextSink;
  };
}

/** Start of the last `units` of a text, not inside a surrogate pair. */
function openEnd(text: string, units: number): number {
  const start = Math.max(0, text.length - units);
  return start > 0 && (text.charCodeAt(start) & 0xfc00) === 0xdc00 ? start - 1 : start;
}
