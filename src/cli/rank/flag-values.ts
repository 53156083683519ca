// Typed flag values -> checked ones. Only the flags of `crossrank rank` use it.

import { InvalidArgumentError } from 'commander';

/** Adds a value of a repeatable flag. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text];
}

/** Parser of a whole number that is at least `least`. */
export function wholeFrom(least: 0 | 1): (text: string) => number {
  const pattern = least === 0 ? /^(0|[1-9]\d{0,8})$/ : /^[1-9]\d{0,8}$/;
  return (text) => {
    if (pattern.test(text)) return Number(text);
    throw new InvalidArgumentError(`It must be an integer of at least ${least}.`);
  };
}
