// Pure: the lists among the fields of a body, and between which of their entries a scanner found that they can be cut.

/** Entries of a list that are parsed together. Offsets are bytes of the text. */
export interface Piece {
  /** Behind the `[` or comma before it. */
  readonly start: number;
  /** Of the comma or `]` after it. */
  readonly end: number;
  /** Of its parse, see {@link TURN_WORK}. */
  readonly work: number;
}

/** A list that is a field of the body's object. */
export interface FieldList {
  /** Of its `[`. */
  readonly start: number;
  readonly pieces: readonly Piece[];
  /** Of its `]`; of the end of the text when there is none. */
  readonly end: number;
}

/** Work of one turn of the event loop, in bytes of plain text: about a millisecond. */
export const TURN_WORK = 1_048_576;

/** Told of brackets and commas with their offsets, and of the work of parsing what comes before them. */
export class FieldListCutter {
  readonly lists: FieldList[] = [];
  #open: { readonly start: number; readonly pieces: Piece[] } | null = null;
  #pieceStart = 0;
  #workBeforePiece = 0;

  get isInside(): boolean {
    return this.#open !== null;
  }

  begin(start: number, work: number): void {
    this.#open = { start, pieces: [] };
    this.#pieceStart = start + 1;
    this.#workBeforePiece = work;
  }

  /** Between two entries. */
  comma(offset: number, work: number): void {
    if (work - this.#workBeforePiece >= TURN_WORK) this.#endPiece(offset, work);
  }

  end(offset: number, work: number): void {
    if (this.#open === null) return;
    this.#endPiece(offset, work);
    this.lists.push({ ...this.#open, end: offset });
    this.#open = null;
  }

  #endPiece(end: number, work: number): void {
    this.#open?.pieces.push({ start: this.#pieceStart, end, work: work - this.#workBeforePiece });
    this.#pieceStart = end + 1;
    this.#workBeforePiece = work;
  }
}
