// One cache for Python and us. What huggingface_hub said was recorded once (python-check/); here we hold that nothing has changed since.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { ASKED_NAMES, CHECKED_ID, checkedFiles, RECORDED } from './python-check/checked-model.ts';
import { kinds, listing, setUp } from './support.ts';

interface Recorded {
  readonly python_reads_ours: {
    readonly try_to_load_from_cache: Readonly<Record<string, string | null>>;
    readonly scan_cache_dir: {
      readonly warnings: readonly string[];
      readonly repos: readonly { readonly repo_id: string; readonly nb_files: number }[];
    };
    readonly layout: readonly string[];
  };
  readonly python_wrote: { readonly layout: readonly string[]; readonly tree: object };
  readonly we_read_theirs: { readonly directory: string; readonly onnxFile: string; readonly requests: number };
}

const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Recorded;

test('the cache we write is the one Python was asked about, and Python found its way', async (t) => {
  const { hub, cache, resolve } = await setUp(t);
  hub.add(CHECKED_ID, checkedFiles());
  const { directory } = await resolve({ model: CHECKED_ID });
  const { layout, try_to_load_from_cache: found, scan_cache_dir: scan } = recorded.python_reads_ours;
  assert.deepEqual(listing(cache), layout, 'the layout has changed: run python-check/record.ts again');
  const at = (name: string) => join('models--oracle--external-data/snapshots', basename(directory), name);
  const there = ASKED_NAMES.slice(0, 3).map((name) => [name, at(name)]);
  assert.deepEqual(found, { ...Object.fromEntries(there), 'modules.json': 'known not to exist', 'README.md': null });
  assert.deepEqual([scan.warnings, scan.repos.map(({ repo_id: id, nb_files: files }) => [id, files])], [[], [[CHECKED_ID, 6]]]);
});

test('a cache that Python wrote is used offline, without a question', async (t) => {
  const { hub, cache, resolve, events } = await setUp(t);
  const { layout, tree } = recorded.python_wrote;
  const blobs = new Map(Object.values(checkedFiles()).flatMap((content) => etagsOf(content).map((etag) => [etag, content])));
  for (const line of layout) {
    const [path, target] = line.split(' -> ') as [string, string | undefined];
    mkdirSync(dirname(join(cache, path)), { recursive: true });
    if (target !== undefined) symlinkSync(target, join(cache, path));
    else writeFileSync(join(cache, path), contentOf(path));
  }
  const { directory, onnxFile } = await resolve({ model: CHECKED_ID }, { offline: true });
  assert.deepEqual([directory, onnxFile], [join(cache, recorded.we_read_theirs.directory), recorded.we_read_theirs.onnxFile]);
  assert.deepEqual([kinds(events), hub.seen, recorded.we_read_theirs.requests], [[], [], 0]);

  function contentOf(path: string): Buffer | string {
    if (path.includes('/refs/')) return basename(recorded.we_read_theirs.directory);
    if (path.includes('/trees/')) return JSON.stringify(tree);
    return blobs.get(basename(path)) ?? '';
  }
});

function etagsOf(content: Buffer): string[] {
  const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  return [git, createHash('sha256').update(content).digest('hex')];
}
