// What a person means by a model: a directory, or a model of the hub. Nothing that passes here leaves the cache as a path.

import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { RerankError } from '../../errors.ts';
import { CANONICAL_NAMES } from './canonical-names.ts';

export type ModelReference =
  | { readonly kind: 'directory'; readonly directory: string }
  | { readonly kind: 'hub'; readonly id: string };

/** As sentence-transformers' `default_huggingface_organization`. */
const DEFAULT_ORGANISATION = 'cross-encoder';

/** Word characters at both ends, at most 96 in all. */
const NAME = /^\w(?:[\w.-]{0,94}\w)?$/;
const MAX_REVISION_CHARACTERS = 200;

/** `git check-ref-format`, less what no branch of the hub has. */
const REVISION = /^\w[\w.+-]*(?:\/\w[\w.+-]*)*$/;

export const COMMIT = /^[0-9a-f]{40}$/;

/**
 * An existing path always wins; what can only be a path is one; a name without organisation gets `cross-encoder/`, except
 * the hub's first models.
 *
 * @throws RerankError `config` when it can be neither
 * @see sentence_transformers/base/model.py, __init__ (6.2.0): the same rule
 */
export function parseModel(model: string): ModelReference {
  if (existsSync(model) || looksLikePath(model)) return { kind: 'directory', directory: model };
  const bare = !model.includes('/') && !CANONICAL_NAMES.has(model.toLowerCase());
  const id = bare ? `${DEFAULT_ORGANISATION}/${model}` : model;
  checkId(id, model);
  return { kind: 'hub', id };
}

/** `./x`, `/x`, `~/x`, `a/b/c`, `x/`, `C:\x`. */
function looksLikePath(model: string): boolean {
  return /^[./~]|[\\\0]|^[A-Za-z]:|\/.*\/|\/$/.test(model);
}

/** @see huggingface_hub/utils/_validators.py, validate_repo_id: `--` would be taken for the slash in the cache's folder names */
function checkId(id: string, model: string): void {
  const wellFormed = id.split('/').every((part) => NAME.test(part)) && id.length <= 2 * 96;
  if (wellFormed && !id.includes('--') && !id.includes('..') && !id.endsWith('.git')) return;
  throw new RerankError(
    'config',
    `'${model}' is neither a directory nor the id of a model: an id is name or organisation/name, of letters, digits, '-', '_' and '.', ` +
      "without '--', '..' or '.git' at its end",
  );
}

/** A branch, a tag, `refs/pr/1`, or a commit. @throws RerankError `config` */
export function checkRevision(revision: string): string {
  const safe = REVISION.test(revision) && !revision.includes('..') && !/\.lock(\/|$)/.test(revision);
  if (safe && revision.length <= MAX_REVISION_CHARACTERS) return revision;
  throw new RerankError('config', `--revision '${revision}' is not the name of a branch, a tag or a commit`);
}

/** A path inside a repository, `./` taken off. @throws RerankError `config` */
export function checkOnnxFile(onnxFile: string): string {
  const path = posix.normalize(onnxFile);
  if (isSafePath(path)) return path;
  throw new RerankError('config', `--onnx-file '${onnxFile}' of a model of the hub must be a path inside its repository`);
}

/** Whether a file name of the hub stays where it is put, under the rules of every system. */
export function isSafePath(path: string): boolean {
  const parts = path.split('/');
  return (
    path !== '' &&
    !/[\\\0]|^[A-Za-z]:/.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/^[A-Za-z]:/.test(part))
  );
}
