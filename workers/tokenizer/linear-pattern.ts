// Which patterns of a model file cannot take more than linear time on any text. Only regex.ts imports it.

import { type AST, RegExpParser } from '@eslint-community/regexpp';

/** Ways to match what has a bounded length at most, and characters of it: more is refused. */
const MOST_WAYS = 256;
const MOST_CHARACTERS = 1024;

/** One part of a branch. */
interface Item {
  readonly source: string;
  /** The characters it repeats without an upper bound; null when its length is bounded. */
  readonly repeats: string | null;
  readonly canBeEmpty: boolean;
  /** Ways a bounded part can match at one place, and its greatest length. */
  readonly ways: number;
  readonly characters: number;
}

/**
 * Whether finding all matches, one after the other, is linear in the text for a backtracking engine.
 *
 * Every branch of the pattern must be of one of two shapes, which those of GPT-2, cl100k, o200k, Llama, Qwen, DeepSeek, Bloom and
 * Gemma have. (1) Parts of bounded length, then perhaps a run `X+` of a set of characters, then only what may be empty: the engine
 * never goes back into the run. (2) The same run with something after it that can fail, as in `\s+(?!\S)` or `\s*[\r\n]+`, when a
 * later branch of shape 1 with the same beginning takes that run whole: going back costs the length of the run, and the run is
 * passed at once or after its last place where the rest fits. Nested repetitions and references are in neither.
 */
export function isLinear(pattern: RegExp): boolean {
  const { alternatives } = new RegExpParser().parsePattern(pattern.source, 0, pattern.source.length, { unicode: true });
  const branches = alternatives.map(({ elements }) => branchOf(elements));
  return branches.every(
    (branch, index) => branch !== null && (endsWithRun(branch) || isTaken(branch, branches.slice(index + 1))),
  );
}

/** The items of a branch, null when one of them is in neither shape. */
function branchOf(elements: readonly AST.Element[]): readonly Item[] | null {
  const items = elements.map(itemOf).filter((item) => item !== null);
  return items.length === elements.length && isBounded(items) ? items : null;
}

function isBounded(items: readonly Item[]): boolean {
  const ways = items.reduce((product, item) => product * item.ways, 1);
  return ways <= MOST_WAYS && items.reduce((sum, item) => sum + item.characters, 0) <= MOST_CHARACTERS;
}

/** Shape 1. */
function endsWithRun(items: readonly Item[]): boolean {
  const run = items.findIndex(({ repeats }) => repeats !== null);
  return run < 0 || items.slice(run + 1).every(({ canBeEmpty }) => canBeEmpty);
}

/** Whether a branch of shape 1 takes the run of one of shape 2. Only others of shape 2 with the same run may stand between. */
function isTaken(branch: readonly Item[], later: readonly (readonly Item[] | null)[]): boolean {
  const run = branch.findIndex(({ repeats }) => repeats !== null);
  const [next, ...others] = branch.slice(run + 1);
  if (next === undefined || next.canBeEmpty || !others.every(({ canBeEmpty }) => canBeEmpty)) return false;
  const hasRun = (items: readonly Item[] | null): boolean =>
    items?.[run]?.repeats === branch[run]!.repeats && branch.slice(0, run).every(({ source }, i) => items[i]?.source === source);
  const taking = later.findIndex((items) => items !== null && endsWithRun(items) && hasRun(items));
  return taking >= 0 && later.slice(0, taking).every(hasRun);
}

function itemOf(element: AST.Element): Item | null {
  const one = { source: element.raw, repeats: null, canBeEmpty: false, ways: 1, characters: 1 };
  switch (element.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return one;
    case 'Group':
    case 'CapturingGroup':
      return groupItem(element);
    case 'Assertion':
      return assertionItem(element);
    case 'Quantifier':
      return quantifierItem(element);
    default:
      return null;
  }
}

/** A group of texts of bounded length. */
function groupItem({ raw, alternatives }: AST.Group | AST.CapturingGroup | AST.LookaroundAssertion): Item | null {
  const branches = alternatives.map(({ elements }) => elements.map(itemOf));
  const items = branches.flat().filter((item) => item !== null);
  if (items.length < branches.flat().length || items.some(({ repeats }) => repeats !== null)) return null;
  const waysOf = (branch: readonly (Item | null)[]): number => branch.reduce((product, item) => product * (item?.ways ?? 1), 1);
  return {
    source: raw,
    repeats: null,
    canBeEmpty: branches.some((branch) => branch.every((item) => item?.canBeEmpty ?? false)),
    ways: branches.reduce((sum, branch) => sum + waysOf(branch), 0),
    characters: items.reduce((sum, { characters }) => sum + characters, 0),
  };
}

/** An edge of text, line or word, or looking around over a bounded length: it takes nothing and may fail. */
function assertionItem(assertion: AST.Assertion): Item | null {
  const looksAround = assertion.kind === 'lookahead' || assertion.kind === 'lookbehind';
  const item = looksAround ? groupItem(assertion) : { ways: 1, characters: 0 };
  return item === null ? null : { ...item, source: assertion.raw, repeats: null, canBeEmpty: false };
}

function quantifierItem({ raw, min, max, greedy, element }: AST.Quantifier): Item | null {
  const item = itemOf(element);
  if (item === null || item.repeats !== null || min > MOST_CHARACTERS) return null;
  const canBeEmpty = min === 0 || item.canBeEmpty;
  if (max !== Number.POSITIVE_INFINITY) {
    const ways = (max - min + 1) * item.ways ** Math.min(max, MOST_CHARACTERS);
    return { source: raw, repeats: null, canBeEmpty, ways, characters: max * item.characters };
  }
  const isSet = element.type === 'Character' || element.type === 'CharacterSet' || element.type === 'CharacterClass';
  return isSet && greedy ? { source: raw, repeats: element.raw, canBeEmpty, ways: 1, characters: min } : null;
}
