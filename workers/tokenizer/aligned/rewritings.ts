// Texts rewritten character by character, and the normalisation forms of Unicode, with what each character did. Only workers/tokenizer/aligned imports it.
// The changes are those of tokenizer/normalizer.rs of tokenizers 0.22.2 and of unicode-normalization-alignments 0.1.12.

import { RerankError } from '../../../src/errors.ts';
import { normalForm } from '../normal-forms.ts';
import type { NormalForm } from '../unicode.ts';
import type { Work } from '../work.ts';
import type { Rewriting } from './aligned-text.ts';

/** A {@link Rewriting}, and how many characters at the beginning it drops. */
export interface Mapped extends Rewriting {
  readonly skipped: number;
}

/** Every character becomes a text of its own: an empty one drops it, further characters of a longer one are added. */
export function mapCharacters(text: string, map: (char: string) => string, work: Work): Mapped {
  const parts: string[] = [];
  const changes: number[] = [];
  let skipped = 0;
  for (const char of text) {
    work.spend(1);
    const mapped = map(char);
    if (mapped !== '') {
      parts.push(mapped);
      let isFirst = true;
      for (const _ of mapped) {
        changes.push(isFirst ? 0 : 1);
        isFirst = false;
      }
    } else if (changes.length === 0) skipped += 1;
    else changes[changes.length - 1]! -= 1;
  }
  return { text: parts.join(''), changes, skipped };
}

/** A normalisation form of the text. */
export function rewriteToForm(text: string, form: NormalForm, work: Work): Rewriting {
  const decomposed = decompose(text, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD', work);
  if (form === 'NFD' || form === 'NFKD') return decomposed;
  return compose(normalForm(text, form, work), new ChangesByCharacter(decomposed, work), work);
}

/**
 * Marks are put in canonical order and take their changes with them. The order is stable, so that equal characters never change
 * places: the first `x` of the ordered text is the first `x` of the characters one by one.
 */
function decompose(text: string, form: NormalForm, work: Work): Rewriting {
  const single = mapCharacters(text, (char) => normalForm(char, form), work);
  const ordered = normalForm(text, form, work);
  if (ordered === single.text) return single;
  const changes = new ChangesByCharacter(single, work);
  return { text: ordered, changes: eachOf(ordered, (char) => changes.take(char), work) };
}

/** A composed character has the changes of its first part, and one character less for each other part. */
function compose(composed: string, changes: ChangesByCharacter, work: Work): Rewriting {
  const changeOf = (char: string): number => {
    const [first, ...others] = normalForm(char, 'NFD');
    return others.reduce((sum, other) => sum + changes.take(other) - 1, changes.take(first!));
  };
  return { text: composed, changes: eachOf(composed, changeOf, work) };
}

/** The change of every character. */
export function eachOf(text: string, changeOf: (char: string) => number, work: Work): number[] {
  const changes: number[] = [];
  for (const char of text) {
    work.spend(1);
    changes.push(changeOf(char));
  }
  return changes;
}

/** Hands out the changes of equal characters in their order. */
class ChangesByCharacter {
  readonly #changes = new Map<string, { readonly values: number[]; taken: number }>();

  constructor({ text, changes }: Rewriting, work: Work) {
    let i = 0;
    for (const char of text) {
      work.spend(1);
      const known = this.#changes.get(char);
      if (known === undefined) this.#changes.set(char, { values: [changes[i]!], taken: 0 });
      else known.values.push(changes[i]!);
      i += 1;
    }
  }

  take(char: string): number {
    const known = this.#changes.get(char);
    const change = known?.values[known.taken];
    if (known === undefined || change === undefined)
      throw new RerankError('internal', 'a normalised text has a character that came from nowhere. This is a bug.');
    known.taken += 1;
    return change;
  }
}
