// The packed library as its users get it: exactly the files it needs, installed into an empty project, from JavaScript and TypeScript.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { VERSION } from '../../src/version.ts';
import { repoRoot } from '../helpers/paths.ts';

const execute = promisify(execFile);
const windows = process.platform === 'win32';

/** Nothing that matches none of these may be in the package; each must match at least one file. */
const ALLOWED = [
  /^package\.json$/,
  /^README(\.zh-CN)?\.md$/,
  /^(LICENSE|NOTICE)$/,
  /^CHANGELOG\.md$/,
  /^dist\/(src|workers)\/([\w-]+\/)*[\w-]+\.js$/,
  /^dist\/(src|workers)\/([\w-]+\/)*[\w-]+\.d\.ts$/,
  /^models\/crossrank-mini\/model\.onnx$/,
  /^models\/crossrank-mini\/README\.md$/,
  /^models\/crossrank-mini\/(config|known-pair|special_tokens_map|tokenizer|tokenizer_config)\.json$/,
];

const JAVASCRIPT = `
import { CrossEncoder } from 'crossrank';
const model = await CrossEncoder.load(undefined, { workers: 2 });
const documents = ['Hello.', 'The giant panda is a bear native to China.'];
console.log(JSON.stringify(await model.rank('what is a panda?', documents, { topK: 1, returnDocuments: true })));
await model.close();
`;

const TYPESCRIPT = `
import { CrossEncoder, type CrossEncoderOptions, ERROR_STATUS, type RankedDocumentResult, RerankError } from 'crossrank';
const options: CrossEncoderOptions = { workers: 1 };
await using model = await CrossEncoder.load(undefined, options);
const ranked: RankedDocumentResult[] = await model.rank('query', ['document'], { topK: 1 });
const scores: Float32Array = await model.predict([['query', 'document']]);
const dims: readonly number[] = (await model.predict([['query', 'document']], { convertToTensor: true })).dims;
export const error: Error = new RerankError('deadline', String([ranked[0]?.corpusId, scores.length, dims, ERROR_STATUS.deadline]));
// @ts-expect-error a number is asked for: fails to compile when the types have become any
await model.rank('query', ['document'], { topK: 'one' });
`;

suite('the package', { timeout: 300_000 }, () => {
  const project = mkdtempSync(join(tmpdir(), 'crossrank-package-'));
  const installed = join(project, 'node_modules', 'crossrank');
  after(() => rmSync(project, { recursive: true, force: true }));

  before(async () => {
    // What is built is packed as it is: a build now would pull dist/ from under the tests that run beside this one.
    await npm(repoRoot, 'pack', '--ignore-scripts', '--silent', '--pack-destination', project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const [tarball] = readdirSync(project).filter((name) => name.endsWith('.tgz'));
    const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    await npm(project, 'install', ...flags, join(project, tarball!));
  });

  test('holds what is needed to run and nothing else', () => {
    const files = filesIn(installed);
    const surplus = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
    assert.deepEqual(surplus, []);
    for (const pattern of ALLOWED)
      assert.ok(
        files.some((file) => pattern.test(file)),
        String(pattern),
      );
    assert.ok(statSync(join(installed, 'models/crossrank-mini/model.onnx')).size > 1_000_000);
  });

  test('declarations name files that are in the package', () => {
    const files = new Set(filesIn(installed));
    const declarations = [...files].filter((file) => file.endsWith('.d.ts'));
    const imports = declarations.flatMap((file) => {
      const text = readFileSync(join(installed, file), 'utf8');
      return [...text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)].map(([, target]) => ({ file, target: target! }));
    });
    assert.ok(imports.length > 20);
    const broken = imports.filter(({ file, target }) => {
      const path = relative(installed, join(installed, file, '..', target)).replaceAll('\\', '/');
      return !target.endsWith('.js') || !files.has(path.replace(/\.js$/, '.d.ts'));
    });
    assert.deepEqual(broken, [], 'dist/ was not made by `npm run build`, or a source is missing');
  });

  test('ranks from plain JavaScript', async () => {
    writeFileSync(join(project, 'rank.js'), JAVASCRIPT);
    const [first, ...others] = JSON.parse(await run(project, process.execPath, 'rank.js'));
    assert.deepEqual([first.corpusId, first.text, others], [1, 'The giant panda is a bear native to China.', []]);
    assert.ok(first.score > 0 && first.score < 1);
  });

  for (const resolution of ['nodenext', 'bundler']) {
    test(`has types for TypeScript, module resolution ${resolution}`, async () => {
      const file = `typed-${resolution}.ts`;
      writeFileSync(join(project, file), TYPESCRIPT);
      const module = resolution === 'nodenext' ? 'nodenext' : 'esnext';
      // Without @types/node, with DOM for the platform's types; the dependencies' declarations are checked too.
      const libs = ['--lib', 'es2023,dom', '--types', ''];
      const flags = ['--noEmit', '--strict', '--target', 'es2023', '--module', module, '--moduleResolution', resolution, ...libs];
      await run(project, process.execPath, join(repoRoot, 'node_modules/typescript/bin/tsc'), ...flags, file);
    });
  }

  test('npx crossrank --version', async () => {
    assert.equal((await npm(project, 'exec', '--offline', '--', 'crossrank', '--version')).trim(), VERSION);
    if (!windows) accessSync(join(project, 'node_modules/.bin/crossrank'), constants.X_OK);
  });
});

/** The files under a directory, as sorted slashed paths. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** Runs the npm that runs the tests; outside of `npm test` the one on the PATH. */
function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const script = process.env['npm_execpath'];
  if (script?.endsWith('.js')) return run(cwd, process.execPath, script, ...args);
  return run(cwd, windows ? 'npm.cmd' : 'npm', ...args);
}

/** Standard output. @throws Error with all output when the exit code is not 0 */
async function run(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  // What `npm test` tells its children about this repository must not reach the other project.
  const foreign = /^npm_(package|lifecycle|config_local_prefix)|^NODE_TEST_CONTEXT$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  try {
    const { stdout } = await execute(command, [...args], { cwd, env, shell: command.endsWith('.cmd'), maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}
