// What a caller wrote, as messages, logs and headers may repeat it: its beginning. Pure, any layer may import it.

/** Characters of a caller's text that are ever repeated. */
export const MAX_ECHO_LENGTH = 60;

/** The text, or its first characters and `...`; never half a character. */
export function shorten(text: string, maxLength: number = MAX_ECHO_LENGTH): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 1);
  const isHalf = last >= 0xd800 && last < 0xdc00;
  return `${text.slice(0, isHalf ? maxLength - 1 : maxLength)}...`;
}
