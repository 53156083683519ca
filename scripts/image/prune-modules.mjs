// Build of the image: takes out of node_modules what no server loads. `node prune-modules.mjs NODE_MODULES amd64|arm64`.

import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Docker's names of platforms -> Node's. */
const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' };

/** Folders beside a package.json that hold nothing a program imports. */
const IDLE_FOLDERS = [
  'test',
  'tests',
  '__tests__',
  'docs',
  'example',
  'examples',
  'benchmark',
  'benchmarks',
  'coverage',
  '.github',
];

/** Source maps, and types and sources for compilers: node runs no TypeScript in node_modules. Licence texts are .md at times, and stay. */
const IDLE_FILES = /\.(map|[cm]?ts)$/;

/** @throws Error on a platform without binaries: musl has none either, but shows only when the runtime is loaded */
export function prune(modules, platform) {
  const architecture = ARCHITECTURES[platform];
  if (architecture === undefined) throw new Error(`no binaries for ${platform}: ${Object.keys(ARCHITECTURES).join(' or ')}`);
  keepOnnxruntimeFor(join(modules, 'onnxruntime-node', 'bin'), architecture);
  for (const folder of packageFolders(modules)) {
    for (const name of IDLE_FOLDERS) rmSync(join(folder, name), { recursive: true, force: true });
  }
  for (const name of readdirSync(modules, { recursive: true })) {
    const path = join(modules, name);
    if (IDLE_FILES.test(name) && lstatSync(path).isFile()) rmSync(path);
  }
}

/** bin/napi-vN/SYSTEM/ARCHITECTURE: one stays, without the GPU providers that an install script may have added to it. */
function keepOnnxruntimeFor(bin, architecture) {
  let kept = 0;
  for (const version of readdirSync(bin)) {
    for (const system of readdirSync(join(bin, version))) {
      for (const each of readdirSync(join(bin, version, system))) {
        const folder = join(bin, version, system, each);
        if (system !== 'linux' || each !== architecture) rmSync(folder, { recursive: true });
        else kept += keepCpuProvider(folder);
      }
      if (readdirSync(join(bin, version, system)).length === 0) rmSync(join(bin, version, system), { recursive: true });
    }
  }
  if (kept === 0) throw new Error(`onnxruntime-node brings nothing for linux/${architecture}`);
}

/** @returns how many files stay */
function keepCpuProvider(folder) {
  const gpu = readdirSync(folder).filter((name) => /providers_(cuda|tensorrt)|DirectML/i.test(name));
  for (const name of gpu) rmSync(join(folder, name));
  return readdirSync(folder).length;
}

/** Every installed package, nested ones too. */
export function* packageFolders(modules) {
  if (!existsSync(modules)) return;
  for (const name of readdirSync(modules)) {
    if (name.startsWith('.')) continue;
    const names = name.startsWith('@') ? readdirSync(join(modules, name)).map((each) => join(name, each)) : [name];
    for (const each of names) {
      const folder = join(modules, each);
      if (existsSync(join(folder, 'package.json'))) yield folder;
      yield* packageFolders(join(folder, 'node_modules'));
    }
  }
}

if (import.meta.filename === process.argv[1]) prune(process.argv[2], process.argv[3]);
