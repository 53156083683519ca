// How far a download is, for a person: a bar on a terminal, some log lines elsewhere; and what else happened on the way.

import type { Logger } from '../logger.ts';
import type { HubEvent } from '../model/hub/hub-settings.ts';
import { type ProgressBar, renderProgress } from '../progress-bar.ts';
import { byteUnit } from './byte-text.ts';

const LINE_INTERVAL_MS = 10_000;
/** A tenth of a download is worth a line too, unless tenths come like drops of rain. */
const TENTH = 0.1;
const MIN_LINE_INTERVAL_MS = 1000;

export interface HubProgressOptions {
  readonly logger: Logger;
  readonly stream: NodeJS.WriteStream;
  readonly quiet: boolean;
}

export class HubProgress {
  readonly #options: HubProgressOptions;
  readonly #drawn: boolean;
  #bar: ProgressBar | null = null;
  #line = { atMs: 0, share: 0 };

  constructor(options: HubProgressOptions) {
    this.#options = options;
    this.#drawn = options.stream.isTTY === true && !options.quiet;
  }

  readonly show = (event: HubEvent): void => {
    if (event.kind === 'progress') {
      this.#move(event.doneBytes, event.totalBytes);
      return;
    }
    this.#bar?.erase();
    if (event.kind === 'downloading') this.#begin(event.bytes);
    logHubEvent(this.#options.logger, event);
  };

  end(): void {
    this.#bar?.end();
    this.#bar = null;
  }

  #begin(bytes: number): void {
    this.end();
    this.#line = { atMs: performance.now(), share: 0 };
    if (this.#drawn && bytes > 0) this.#bar = renderProgress(`downloading, ${byteUnit(bytes).unit}`, null, this.#options.stream);
  }

  #move(doneBytes: number, totalBytes: number): void {
    const { size } = byteUnit(totalBytes);
    this.#bar?.update(Math.floor(doneBytes / size), Math.floor(totalBytes / size));
    const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    const waitedMs = performance.now() - this.#line.atMs;
    const due = waitedMs >= LINE_INTERVAL_MS || (share - this.#line.share >= TENTH && waitedMs >= MIN_LINE_INTERVAL_MS);
    if (this.#drawn || !due || share === 1) return;
    this.#line = { atMs: performance.now(), share };
    this.#options.logger.info('downloading', { percent: Math.floor(share * 100), bytes: doneBytes, of: totalBytes });
  }
}

/** What a person should know of a download. */
function logHubEvent(logger: Logger, event: Exclude<HubEvent, { kind: 'progress' }>): void {
  switch (event.kind) {
    case 'chosen':
      logger.info('the repository has several ONNX files; name another with --onnx-file', {
        onnx_file: event.onnxFile,
        others: event.others.join(','),
      });
      return;
    case 'downloading':
      logger.info('downloading', { model: event.id, revision: event.commit, files: event.files.length, bytes: event.bytes });
      return;
    case 'resumed':
      logger.info('an unfinished download is resumed', { file: event.file, bytes: event.bytes });
      return;
    case 'waiting':
      logger.info('another process is downloading it; waiting', { file: event.file });
      return;
    case 'retry':
      logger.warn('the download is tried again', { reason: event.reason, wait_ms: event.waitMs });
      return;
    case 'downloaded':
      logger.info('downloaded', { directory: event.directory, bytes: event.bytes, ms: Math.round(event.elapsedMs) });
      return;
    case 'cached':
      logger.warn('the hub gives no answer; the cached model is used', { reason: event.reason, directory: event.directory });
      return;
    case 'uncertain':
      logger.warn('the cache does not tell whether the repository has these files, and they are not here', {
        files: event.files.join(','),
        directory: event.directory,
      });
  }
}
