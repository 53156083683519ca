// From what a person calls a model to a directory with all its files: the way every command and the library take.

import { CachedRepo } from './cached-repo.ts';
import { type Asked, diskFailure, HubFailure, notCached } from './hub-failure.ts';
import type { HubListener, HubSettings } from './hub-settings.ts';
import { COMMIT, checkOnnxFile, checkRevision, parseModel } from './model-id.ts';
import { inspectSnapshot, type SnapshotState } from './snapshot-state.ts';

export interface ResolveOptions {
  /** A directory, `organisation/name`, or a name of `cross-encoder`. */
  readonly model: string;
  /** Branch, tag or commit; null for `main`. Without effect on a directory. */
  readonly revision: string | null;
  /** Weights relative to the model's root; null for the usual places. */
  readonly onnxFile: string | null;
  /** Asked for only when the model is not a directory. */
  readonly settings: () => HubSettings;
  readonly signal: AbortSignal;
  readonly onEvent: HubListener;
}

export interface ResolvedModel {
  readonly directory: string;
  readonly onnxFile: string | null;
}

const DEFAULT_REVISION = 'main';
const ATTEMPTS = 4;
const IMPATIENT_MS = 10_000;

/**
 * Finds the model's directory, and downloads what the cache lacks.
 *
 * The hub is asked which commit a branch or tag has now, as huggingface_hub does; when it cannot be asked, the cache serves. A commit that
 * is complete needs no network, and `offline` allows none.
 *
 * @throws RerankError `config` for a name that cannot be one, `model_files` for all that is not there or cannot be fetched, `cancelled`
 */
export async function resolveModel(options: ResolveOptions): Promise<ResolvedModel> {
  const reference = parseModel(options.model);
  if (reference.kind === 'directory') return { directory: reference.directory, onnxFile: options.onnxFile };
  const asked: Asked = { id: reference.id, revision: checkRevision(options.revision ?? DEFAULT_REVISION) };
  const onnxFile = options.onnxFile === null ? null : checkOnnxFile(options.onnxFile);
  const settings = options.settings();
  const call = { ...options, settings, asked, onnxFile, repo: new CachedRepo(settings.cacheDirectory, asked.id) };
  const cached = await cachedState(call);
  if (settings.offline) return offlineModel(call, cached);
  if (COMMIT.test(asked.revision) && cached !== null && isComplete(cached)) return toModel(cached);
  try {
    return await onlineModel(call, cached);
  } catch (error) {
    return standIn(call, cached, error);
  }
}

interface Call extends Omit<ResolveOptions, 'settings'> {
  readonly settings: HubSettings;
  readonly asked: Asked;
  readonly repo: CachedRepo;
}

async function cachedState({ repo, asked, onnxFile }: Call): Promise<SnapshotState | null> {
  const commit = repo.commitOf(asked.revision);
  return commit === null ? null : inspectSnapshot(repo, commit, onnxFile);
}

function offlineModel({ asked, onnxFile, settings, onEvent }: Call, cached: SnapshotState | null): ResolvedModel {
  if (cached === null || cached.missing.length > 0) {
    throw notCached(asked, cached?.missing ?? [], onnxFile, settings.cacheDirectory);
  }
  if (cached.unknown.length > 0) onEvent({ kind: 'uncertain', files: cached.unknown, directory: cached.directory });
  return toModel(cached);
}

async function onlineModel(call: Call, cached: SnapshotState | null): Promise<ResolvedModel> {
  const { asked, repo, onnxFile, settings, signal, onEvent } = call;
  // Only here, so that a start without network loads none of it.
  const [{ HubClient }, { findCommit }, { pullSnapshot }] = await Promise.all([
    import('./http-client.ts'),
    import('./hub-api.ts'),
    import('./pull-snapshot.ts'),
  ]);
  const client = new HubClient({ settings, asked, signal, onEvent, ...patience(settings, cached) });
  try {
    const commit = await findCommit(client, settings.endpoint, asked);
    const there = await inspectSnapshot(repo, commit, onnxFile);
    if (isComplete(there)) {
      await repo.writeRef(asked.revision, commit).catch(() => {}); // a cache that is only read, as in a container, serves too
      return toModel(there);
    }
    const { endpoint, cacheDirectory } = settings;
    return await pullSnapshot({ client, endpoint, repo, asked, commit, onnxFile, signal, onEvent })
      .then(() => repo.writeRef(asked.revision, commit))
      .then(async () => toModel(await inspectSnapshot(repo, commit, onnxFile)))
      .catch((error: unknown) => {
        throw diskFailure(cacheDirectory, 0, error);
      });
  } finally {
    await client.close();
  }
}

/** A start must not hang on a hub that is only asked whether there is something newer. */
function patience({ stallMs }: HubSettings, cached: SnapshotState | null): { attempts: number; answerMs: number } {
  return isUsable(cached)
    ? { attempts: 1, answerMs: Math.min(stallMs, IMPATIENT_MS) }
    : { attempts: ATTEMPTS, answerMs: stallMs };
}

/** The cache serves when the hub does not, except where the hub is sure: a revision that is gone is gone. */
function standIn({ onEvent }: Call, cached: SnapshotState | null, error: unknown): ResolvedModel {
  const final = !(error instanceof HubFailure) || ['revision', 'file', 'damaged', 'disk'].includes(error.kind);
  if (final || !isUsable(cached)) throw error;
  onEvent({ kind: 'cached', reason: error.message, directory: cached.directory });
  return toModel(cached);
}

function isUsable(state: SnapshotState | null): state is SnapshotState {
  return state !== null && state.missing.length === 0;
}

function isComplete({ missing, unknown }: SnapshotState): boolean {
  return missing.length === 0 && unknown.length === 0;
}

function toModel({ directory, onnxFile }: SnapshotState): ResolvedModel {
  return { directory, onnxFile };
}
