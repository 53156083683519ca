import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from './helpers/paths.ts';

/** Folder (or file) -> what its relative imports may reach; the first match decides. Same-folder imports are always allowed. */
const WALLS: readonly (readonly [area: string, allowed: readonly string[]])[] = [
  ['src/errors.ts', []],
  ['src/protocol.ts', ['src/errors.ts']],
  // Its limits, its engine and its words for people are the command line's.
  ['src/cluster/', ['src/errors.ts', 'src/logger.ts']],
  // What both sides of the thread boundary must agree on about a pair.
  ['src/pair-size.ts', []],
  ['src/rerank/', ['src/errors.ts', 'src/protocol.ts', 'src/pair-size.ts']],
  ['src/pool/', ['src/errors.ts', 'src/protocol.ts', 'src/pair-size.ts']],
  ['src/model/', ['src/model/', 'src/errors.ts', 'src/protocol.ts', 'src/activation-name.ts']],
  // Its memory ends with it, so the quantiser may run there.
  ['workers/prepare-process.ts', ['workers/', 'src/errors.ts', 'src/protocol.ts', 'src/model/onnx/']],
  ['workers/', ['workers/', 'src/errors.ts', 'src/protocol.ts', 'src/pair-size.ts']],
];

/** Package -> the only places that may import it. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  piscina: ['src/pool/worker-set.ts', 'workers/rerank-worker.ts'],
  'onnxruntime-node': ['workers/onnx-session.ts'],
  '@huggingface/tokenizers': ['workers/tokenizer/'],
  '@eslint-community/regexpp': ['workers/tokenizer/linear-pattern.ts'],
  '@bufbuild/protobuf': ['src/model/onnx/'],
  '@bufbuild/protobuf/codegenv2': ['src/model/onnx/onnx_pb.ts'],
  '@huggingface/hub': ['src/model/hub/hub-api.ts'],
  undici: ['src/model/hub/http-client.ts'],
  winston: ['src/logger.ts'],
  'prom-client': ['src/metrics/registry.ts'],
  '@opentelemetry/api': ['src/tracing/'],
  '@opentelemetry/resources': ['src/tracing/otlp.ts'],
  '@opentelemetry/sdk-trace-base': ['src/tracing/'],
  '@opentelemetry/exporter-trace-otlp-http': ['src/tracing/span-exporter.ts'],
  express: ['src/http/'],
  cors: ['src/http/'],
  'csv-parse': ['src/cli/rank/csv.ts'],
  'string-width': ['src/cli/rank/table.ts'],
  '@fastify/swagger-ui/package.json': ['src/http/documentation-routes.ts'],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly relative: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(join(repoRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(repoRoot, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\(|import\.meta\.resolve\()\s*['"]([^'"]+)['"]/g)].map(
    (match) => match[1]!,
  );
  return specifiers.map((specifier) => {
    const isRelative = specifier.startsWith('.');
    const target = isRelative ? relative(repoRoot, join(repoRoot, dirname(file), specifier)).replaceAll('\\', '/') : specifier;
    return { file, target, relative: isRelative };
  });
}

const imports = [...sources('src'), ...sources('workers')].flatMap(importsOf);

test('the walls are looked at: every area and every key has files', () => {
  assert.ok(imports.length > 100, `${imports.length} imports found`);
  for (const [area] of WALLS)
    assert.ok(
      sources(area.split('/')[0]!).some((file) => file.startsWith(area)),
      area,
    );
  for (const key of Object.keys(KEYS))
    assert.ok(
      imports.some(({ target }) => target === key),
      key,
    );
});

test('relative imports stay inside the walls', () => {
  const broken = imports.filter(({ file, target, relative: isRelative }) => {
    const wall = WALLS.find(([area]) => file.startsWith(area));
    if (!isRelative || wall === undefined || dirname(file) === dirname(target)) return false;
    return !wall[1].some((allowed) => target.startsWith(allowed));
  });
  assert.deepEqual(broken, []);
});

test('the hub is out of reach of HTTP: only the command line and the library resolve models', () => {
  const importers = imports.filter(
    ({ file, target }) => target.startsWith('src/model/hub/') && !file.startsWith('src/model/hub/'),
  );
  const allowed = /^src\/(cli\/|cross-encoder\.ts|config\.ts|config\/)/;
  assert.deepEqual(
    importers.filter(({ file }) => !allowed.test(file)),
    [],
  );
});

test('each dependency has one key holder', () => {
  const broken = imports.filter(({ file, target }) => {
    const holders = KEYS[target];
    return holders !== undefined && !holders.some((holder) => file.startsWith(holder));
  });
  assert.deepEqual(broken, []);
});

test('no source but config.ts reads the environment, and src names workers by URL only', () => {
  const environment = sources('src').filter((file) =>
    /process\.env|env\s*}\s*from 'node:process'/.test(readFileSync(join(repoRoot, file), 'utf8')),
  );
  assert.deepEqual(environment, ['src/config.ts']);
  assert.deepEqual(
    imports.filter(({ file, target }) => file.startsWith('src/') && target.startsWith('workers/')),
    [],
  );
});
