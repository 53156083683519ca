// Instruction rerankers: query and document inside a literal text, encoded as one text. Only workers/pair-encoder imports it.

import type { PairTemplate } from '../../src/protocol.ts';
import { EncodedQueries, type EncodeKey } from '../encoded-queries.ts';
import { documentTokensNeeded, type FitRule, fitPair } from '../fit-pair.ts';
import type { LoadedTokenizer } from './load.ts';
import type { Template } from './template.ts';
import { UNENDING, type Work } from './work.ts';

/** Ids of the parts of a pair, in order, once for every chunk; `truncated` when tokens of query or document are in none. */
export interface TemplateRows {
  readonly rows: readonly (readonly Int32Array[])[];
  readonly truncated: boolean;
}

/**
 * The literal text in the parts that are encoded alone: `head | lead + query + tail | middle | gap + document | end`.
 * Spaces before a text go with it, as a tokenizer joins them to its first word; a line break after the query likewise.
 */
interface Segments {
  readonly head: string;
  readonly lead: string;
  readonly tail: string;
  readonly middle: string;
  readonly gap: string;
  readonly end: string;
}

/** Ids of the literal text: its segments, and `between`, what stands between two texts that are shortened. */
interface FixedIds {
  readonly head: Int32Array;
  readonly middle: Int32Array;
  readonly between: Int32Array;
  readonly end: Int32Array;
}

/** Texts whose beginnings and ends are most likely to join their neighbours. */
const PROBES = [
  '',
  ' ',
  'a',
  'What is it?',
  ' x ',
  'x  ',
  '\n',
  'x\n',
  '\n\nx',
  'x \n ',
  '?',
  '...',
  "it's",
  '12',
  '\u4e2d\u6587\u3002',
  '\u0301x',
  'e\u0301',
  '\u3000',
  '\u00a0x',
  '<',
  '>:',
  '|>',
  '<|',
  ':',
  '\ud83d\ude00',
  '\u0e01\u0e33',
  '\u0627\u0644',
  '\u1100\u1161',
  '\u200dx',
  'x\t',
  '\r\n',
];

/** How many ids of a text, from which end, and for whom. */
interface Wanted extends EncodeKey {
  readonly work: Work;
}

const EVERYTHING: Wanted = { limit: Number.POSITIVE_INFINITY, side: 'right', work: UNENDING };

/** One token more than fits is enough to see that a text does not. */
const atLeastOne = (room: number): number => Math.max(1, room + 1);

export class TemplateEncoder {
  readonly #tokenizer: LoadedTokenizer;
  readonly #template: PairTemplate;
  readonly #segments: Segments;
  readonly #fixed: FixedIds;
  /** Whether the parts encoded alone give the ids of the whole text. */
  readonly #isSeparable: boolean;
  readonly #queries = new EncodedQueries();

  constructor(tokenizer: LoadedTokenizer, template: PairTemplate) {
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#segments = segmentsOf(template);
    const { head, tail, middle, end } = this.#segments;
    this.#fixed = {
      head: this.#encode(head),
      middle: this.#encode(middle),
      between: this.#encode(tail + middle),
      end: this.#encode(end),
    };
    this.#isSeparable = this.#probe();
  }

  /** The special tokens around the one text. */
  get frame(): Template {
    return this.#tokenizer.templates.single;
  }

  /** Tokens of the literal text and the special tokens: what a pair has at least. */
  get fixedTokens(): number {
    const { head, between, end } = this.#fixed;
    return this.frame.specialTokens + head.length + between.length + end.length;
  }

  /**
   * Ids of a pair: those of the whole text when it fits, else the literal text with query and document shortened or in chunks.
   *
   * @param rule its budget is what the limit leaves beyond {@link fixedTokens}
   * @throws NotWanted
   */
  encode(query: string, document: string, rule: FitRule, work: Work = UNENDING): TemplateRows {
    const room = rule.budget + this.fixedTokens - this.frame.specialTokens;
    const wanted = { limit: atLeastOne(room), side: 'right', work } as const;
    if (!this.#exceeds(document, room, rule, work)) {
      const whole = this.#isSeparable
        ? this.#separate(query, document, wanted)
        : [this.#encode(this.#formatted(query, document), wanted)];
      if (whole.reduce((sum, piece) => sum + piece.length, 0) <= room) return { rows: [whole], truncated: false };
    }
    return this.#shortened(query, document, rule, work);
  }

  /** Whether the document alone has more tokens than are looked at, though the limit would take them. */
  #exceeds(document: string, room: number, { maxDocumentTokens }: FitRule, work: Work): boolean {
    if (maxDocumentTokens >= room) return false;
    const wanted = { limit: atLeastOne(maxDocumentTokens), side: 'right', work } as const;
    return this.#encode(this.#segments.gap + document, wanted).length > maxDocumentTokens;
  }

  #formatted(query: string, document: string): string {
    const { prefix, separator, suffix } = this.#template;
    return prefix + query + separator + document + suffix;
  }

  #separate(query: string, document: string, wanted: Wanted): Int32Array[] {
    const { lead, tail, gap } = this.#segments;
    const { head, middle, end } = this.#fixed;
    return [head, this.#once(lead + query + tail, wanted), middle, this.#encode(gap + document, wanted), end];
  }

  #shortened(query: string, document: string, rule: FitRule, work: Work): TemplateRows {
    const { lead, gap } = this.#segments;
    const { head, between, end } = this.#fixed;
    const { budget, side } = rule;
    const ofQuery = { limit: atLeastOne(budget), side, work };
    const ofDocument = { limit: Math.max(1, documentTokensNeeded(rule)), side, work };
    const first = { text: lead + query, ids: this.#once(lead + query, ofQuery) };
    const second = { text: gap + document, ids: this.#encode(gap + document, ofDocument) };
    const fitted = fitPair({ encoder: this.#tokenizer.text, work }, first, second, rule);
    const rows = fitted.documents.map((chunk) => [head, fitted.query, between, chunk, end]);
    return { rows, truncated: fitted.truncated };
  }

  #encode(text: string, { limit, side, work }: Wanted = EVERYTHING): Int32Array {
    return this.#tokenizer.text.encode(text, limit, side, work);
  }

  #once(text: string, wanted: Wanted): Int32Array {
    const { limit, side, work } = wanted;
    return this.#queries.get(text, { limit, side }, work, () => this.#encode(text, wanted));
  }

  #probe(): boolean {
    for (const query of PROBES) {
      for (const document of PROBES) {
        const whole = this.#encode(this.#formatted(query, document));
        const separate = this.#separate(query, document, EVERYTHING).flatMap((piece) => [...piece]);
        if (whole.length !== separate.length || separate.some((id, i) => id !== whole[i])) return false;
      }
    }
    return true;
  }
}

function segmentsOf({ prefix, separator, suffix }: PairTemplate): Segments {
  const head = prefix.replace(/[ \t]+$/, '');
  const afterTail = separator.replace(/^\s+/, '');
  const middle = afterTail.replace(/[ \t]+$/, '');
  return {
    head,
    lead: prefix.slice(head.length),
    tail: separator.slice(0, separator.length - afterTail.length),
    middle,
    gap: afterTail.slice(middle.length),
    end: suffix,
  };
}
