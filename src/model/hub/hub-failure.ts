// What can go wrong between a model's id and its files, each with its own message. Internal to the hub; callers see a RerankError.

import { basename } from 'node:path';
import { RerankError } from '../../errors.ts';
import { cut } from '../checked-json.ts';
import type { HubSettings } from './hub-settings.ts';

/** Where tokens come from, as messages tell it. */
const TOKEN_SOURCE = 'HF_TOKEN, --hf-token, or the file written by `hf auth login`';

export type HubFailureKind =
  | 'unreachable'
  | 'busy'
  | 'missing'
  | 'gated'
  | 'token'
  | 'forbidden'
  | 'revision'
  | 'file'
  | 'answer'
  | 'damaged'
  | 'disk';

export interface HubFailureOptions {
  readonly cause?: unknown;
  /** Another attempt may succeed. */
  readonly transient?: boolean;
  /** The hub's own wish before another attempt. */
  readonly retryAfterMs?: number | null;
}

/** Of the names in a message. */
const MAX_LIST_CHARS = 2000;

/** A `model_files` error that also says what kind it is, for the decision whether to retry or to use what is cached. */
export class HubFailure extends RerankError {
  readonly kind: HubFailureKind;
  readonly transient: boolean;
  readonly retryAfterMs: number | null;

  constructor(kind: HubFailureKind, message: string, { cause, transient = false, retryAfterMs = null }: HubFailureOptions = {}) {
    super('model_files', message, { cause });
    this.kind = kind;
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What was asked for, as messages name it. */
export interface Asked {
  readonly id: string;
  readonly revision: string;
}

/** An answer that is no success: status and the hub's own headers. */
export interface Refusal {
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
}

/**
 * The failure an answer of the hub stands for. Without a token the hub answers 401 for private and for missing models alike.
 *
 * @see huggingface_hub/utils/_http.py, hf_raise_for_status
 */
export function refusalFailure({ id, revision }: Asked, refusal: Refusal, settings: HubSettings): HubFailure {
  const { status, code, message } = refusal;
  const page = `${settings.endpoint}/${id}`;
  if (code === 'GatedRepo') return new HubFailure('gated', gatedMessage(page, id, settings));
  if (code === 'RevisionNotFound') {
    return new HubFailure('revision', `${id} has no revision '${revision}' (branches and tags: ${page}/tree/main)`);
  }
  if (code === 'EntryNotFound')
    return new HubFailure('file', `${id} at '${revision}' lacks a file it listed: ${message ?? status}`);
  if (status === 401 && /invalid credentials/i.test(message ?? '')) {
    return new HubFailure('token', `${settings.endpoint} refuses the token (${TOKEN_SOURCE}): it is wrong, expired or revoked`);
  }
  if (code === 'RepoNotFound' || status === 401 || status === 404) return new HubFailure('missing', missingMessage(id, settings));
  if (status === 403) {
    return new HubFailure('forbidden', `${settings.endpoint} refuses access to ${id}: ${message ?? 'forbidden'}`);
  }
  return new HubFailure('answer', `${settings.endpoint} answers ${status} for ${id}${message === null ? '' : `: ${message}`}`);
}

function gatedMessage(page: string, id: string, { token }: HubSettings): string {
  const how = `ask for access at ${page}`;
  return token === null
    ? `${id} is gated: ${how}, then give a token of that account (${TOKEN_SOURCE})`
    : `${id} is gated, and the account of the token has no access: ${how}`;
}

function missingMessage(id: string, { endpoint, token }: HubSettings): string {
  const access =
    token === null ? `it is private and needs a token (${TOKEN_SOURCE})` : 'it is private and the token does not open it';
  return `${endpoint} has no model ${id}, or ${access}; there is no directory of that name either`;
}

/** The endpoint, or a host it sends us to, cannot be reached. */
export function unreachable(url: string, reason: string, settings: HubSettings, options: HubFailureOptions): HubFailure {
  const { endpoint } = settings;
  const { origin } = new URL(url);
  const place = origin === new URL(endpoint).origin ? `the hub at ${endpoint}` : `${origin}, where ${endpoint} keeps the file`;
  return new HubFailure('unreachable', `cannot reach ${place}${proxyText(url, settings)}: ${reason}`, options);
}

/** ` through the proxy proxy:3128 (NO_PROXY=...)`; credentials are not shown. */
function proxyText(url: string, { proxies }: HubSettings): string {
  const proxy = url.startsWith('https:') ? proxies.https || proxies.http : proxies.http;
  if (proxy === '') return '';
  const shown = URL.canParse(proxy) ? new URL(proxy).host : 'that is set';
  return ` through the proxy ${shown}${proxies.none === '' ? '' : ` (NO_PROXY=${proxies.none})`}`;
}

/** No file of the repository is one we load. */
export function noOnnxFile({ id, revision }: Asked, present: readonly string[], wanted: string | null): HubFailure {
  const found = present.length === 0 ? '' : `; its ONNX files: ${cut(present.join(', '), MAX_LIST_CHARS)}`;
  if (wanted !== null)
    return new HubFailure('file', `${id} at '${revision}' has no file ${wanted}${found || '; it has no ONNX file'}`);
  if (present.length > 0) {
    return new HubFailure(
      'file',
      `${id} at '${revision}' has neither model.onnx nor onnx/model.onnx${found}. Name one with --onnx-file; quantised files answer other ` +
        'scores and are never chosen unnamed',
    );
  }
  const name = basename(id);
  return new HubFailure(
    'file',
    [
      `${id} at '${revision}' has no ONNX file. Export one with Python, then serve the directory:`,
      `  pip install "optimum-onnx[onnxruntime]"`,
      `  optimum-cli export onnx --model ${id} --task text-classification ${name}-onnx`,
      `  crossrank serve --model-id ./${name}-onnx`,
      `or look for a conversion made by the community, such as Xenova/${name} or onnx-community/${name}-ONNX`,
    ].join('\n'),
  );
}

/** Offline, and not all of the model is in the cache. */
export function notCached(asked: Asked, missing: readonly string[], onnxFile: string | null, cacheDirectory: string): HubFailure {
  const { id, revision } = asked;
  const flags = [revision === 'main' ? '' : ` --revision ${revision}`, onnxFile === null ? '' : ` --onnx-file ${onnxFile}`].join(
    '',
  );
  const what = missing.length === 0 ? 'is not in the cache' : `is not complete in the cache, it lacks ${missing.join(', ')}`;
  return new HubFailure(
    'missing',
    `${id} at '${revision}' ${what} (${cacheDirectory}), and offline mode forbids to fetch it; with a network: crossrank pull ${id}${flags}`,
  );
}

/** The disk has no room, told before or while writing. */
export function diskFull(directory: string, neededBytes: number, freeBytes: number | null, cause?: unknown): HubFailure {
  const free = freeBytes === null ? 'is full' : `has ${mebibytes(freeBytes)} MiB free`;
  return new HubFailure(
    'disk',
    `no room for the model: ${mebibytes(neededBytes)} MiB are to be written, and ${directory} ${free}; ` +
      '`crossrank models` shows what is cached, --huggingface-hub-cache (HF_HUB_CACHE) chooses another disk',
    { cause },
  );
}

/** What the disk refuses, in words; an error of ours as it is. */
export function diskFailure(directory: string, bytes: number, error: unknown): RerankError {
  if (error instanceof RerankError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(directory, bytes, null, error);
  return new HubFailure('disk', `the cache ${directory} cannot be written: ${message}`, { cause: error });
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
}
