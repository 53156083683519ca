// Where files live that can be made again.

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * `$XDG_CACHE_HOME/crossrank`, else `~/.cache/crossrank`.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/ a relative XDG_CACHE_HOME is to be ignored
 */
export function defaultCacheDirectory(environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'crossrank');
}
