// Cuts bodies that come too slowly while they keep others out. Counted in looks and not by a clock: a loop that stood costs no client its body.

/** A body that is coming. */
export interface ArrivingBody {
  /** Bytes that have come so far. */
  readonly bytes: () => number;
  readonly cut: () => void;
}

/** The slowest pace that is served while the room is short, in bytes a second: as that of answers. */
const SLOWEST_BYTES_PER_SECOND = 256 * 1024;
const WINDOW_LOOKS = 4;
const LOOK_MS = 1000;

export class PaceWatch {
  readonly #isCrowded: () => boolean;
  readonly #windows = new Map<ArrivingBody, { looks: number; bytes: number }>();
  #timer: NodeJS.Timeout | null = null;

  /** @param isCrowded whether bodies and answers that wait keep others out */
  constructor(isCrowded: () => boolean) {
    this.#isCrowded = isCrowded;
  }

  /** @returns ends the watch over this body */
  watch(body: ArrivingBody): () => void {
    this.#windows.set(body, { looks: 0, bytes: 0 });
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
    return () => this.#forget(body);
  }

  /** Looks at every body; called each second. */
  look(): void {
    const isCrowded = this.#isCrowded();
    for (const [body, window] of this.#windows) {
      window.looks += 1;
      if (window.looks < WINDOW_LOOKS) continue;
      const bytes = body.bytes();
      if (isCrowded && bytes - window.bytes < (SLOWEST_BYTES_PER_SECOND * WINDOW_LOOKS * LOOK_MS) / 1000) body.cut();
      Object.assign(window, { looks: 0, bytes });
    }
  }

  #forget(body: ArrivingBody): void {
    this.#windows.delete(body);
    if (this.#windows.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
