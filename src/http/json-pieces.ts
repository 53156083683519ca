// A JSON text of any size in pieces, each written in its own turn of the event loop: what JSON.stringify gives, without stopping the others.

/** Characters that are written between two turns: some milliseconds. */
const PIECE_CHARACTERS = 524_288;

/**
 * The bytes of a value's JSON text. The entries of a list, and of the lists that are fields of an object, are written one by one; anything
 * else is written at once, so it must be small.
 *
 * @param turn lets others use the event loop; not called for a text below {@link PIECE_CHARACTERS}
 */
export async function jsonPieces(value: unknown, turn: () => Promise<void>): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let text = '';
  for (const part of parts(value)) {
    text += part;
    if (text.length < PIECE_CHARACTERS) continue;
    pieces.push(Buffer.from(text));
    text = '';
    await turn();
  }
  if (text !== '') pieces.push(Buffer.from(text));
  return pieces;
}

function* parts(value: unknown): Generator<string> {
  if (Array.isArray(value)) yield* listParts(value);
  else if (isPlainObject(value)) yield* objectParts(value);
  else yield JSON.stringify(value) ?? 'null';
}

function* objectParts(object: Readonly<Record<string, unknown>>): Generator<string> {
  let before = '{';
  for (const [key, value] of Object.entries(object)) {
    const isList = Array.isArray(value);
    const text = isList ? '' : JSON.stringify(value);
    if (text === undefined) continue; // as JSON.stringify leaves out what has no text
    yield `${before}${JSON.stringify(key)}:${text}`;
    if (isList) yield* listParts(value);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function* listParts(list: readonly unknown[]): Generator<string> {
  let before = '[';
  for (const entry of list) {
    yield before;
    // One level more: lists of lists are tokens of texts, or scores of labels.
    if (Array.isArray(entry)) yield* listParts(entry);
    else yield JSON.stringify(entry) ?? 'null';
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !('toJSON' in value);
}
