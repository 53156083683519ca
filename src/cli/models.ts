// The command `crossrank models`: what is cached, and how much of the disk it takes.

import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { byteText } from './byte-text.ts';
import { type CopyOnDisk, findModelsOnDisk, isFrom, type ModelsOnDisk } from './cached-models.ts';
import { addSomeConfigFlags, readSomeConfigFlags } from './config-flags.ts';
import { exitCodesHelp } from './exit-codes.ts';

const KEYS = ['hubCacheDirectory', 'cacheDirectory'] as const;

export function modelsCommand(): Command {
  const command = new Command('models')
    .description('list the cached models of the hub and the prepared copies')
    .addOption(new Option('--json', 'one JSON object'));
  addSomeConfigFlags(command, KEYS).addOption(new Option('--verbose', 'causes and stacks of errors'));
  command.addHelpText('after', exitCodesHelp());
  return command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = loadConfig(readSomeConfigFlags(command, KEYS));
    const places = { cacheDirectory: resolve(config.cacheDirectory), hubCacheDirectory: resolve(config.hubCacheDirectory) };
    const found = await findModelsOnDisk(places);
    process.stdout.write(json === true ? `${JSON.stringify(modelsJson(found, places), null, 2)}\n` : modelsText(found, places));
  });
}

type Places = Pick<Config, 'cacheDirectory' | 'hubCacheDirectory'>;

function modelsJson({ models, otherCopies }: ModelsOnDisk, { cacheDirectory, hubCacheDirectory }: Places): object {
  return {
    hub_cache: hubCacheDirectory,
    cache_dir: cacheDirectory,
    models: models.map(({ model, copies }) => ({
      id: model.id,
      bytes: model.bytes,
      unfinished_bytes: model.unfinishedBytes,
      revisions: model.revisions.map(({ commit, refs, bytes, onnxFiles }) => ({ commit, refs, bytes, onnx_files: onnxFiles })),
      prepared: copies.map(copyJson),
    })),
    other_prepared: otherCopies.map(copyJson),
  };
}

function copyJson({ copy, bytes }: CopyOnDisk): object {
  const { model, source, facts, created } = copy.manifest;
  return { model, source, dtype: facts.dtype, packed: facts.packed, created, directory: copy.directory, bytes };
}

const HEADINGS = ['MODEL', 'REVISION', 'SIZE', 'PREPARED', 'ONNX FILES'] as const;

/** Pure: one row a revision, then the copies of other models, then the sums. */
export function modelsText(found: ModelsOnDisk, { cacheDirectory, hubCacheDirectory }: Places): string {
  const rows = [...found.models.flatMap(modelRows), ...found.otherCopies.map(otherRow)];
  const hubBytes = found.models.reduce((sum, { model }) => sum + model.bytes, 0);
  const copies = [...found.models.flatMap((each) => each.copies), ...found.otherCopies];
  const sums = [
    `${byteText(hubBytes)} of ${found.models.length} model(s) in ${hubCacheDirectory}`,
    `${byteText(sizeOf(copies))} of ${copies.length} prepared copies in ${cacheDirectory}`,
  ];
  return [...(rows.length === 0 ? [] : [...alignedRows([HEADINGS, ...rows]), '']), ...sums, ''].join('\n');
}

function modelRows({ model, copies }: ModelsOnDisk['models'][number]): string[][] {
  const rows = model.revisions.map(({ commit, refs, bytes, onnxFiles }) => {
    const own = copies.filter(({ copy }) => isFrom(copy, join(model.directory, 'snapshots', commit)));
    return [model.id, [commit.slice(0, 12), ...refs].join(' '), byteText(bytes), preparedText(own), onnxFiles.join(', ') || '-'];
  });
  const unfinished = [model.id, 'unfinished', byteText(model.unfinishedBytes), '-', '-'];
  return model.unfinishedBytes === 0 ? rows : [...rows, unfinished];
}

function otherRow(each: CopyOnDisk): string[] {
  const { model, source } = each.copy.manifest;
  return [model, '-', '-', preparedText([each]), source];
}

function preparedText(copies: readonly CopyOnDisk[]): string {
  return copies.map(({ copy, bytes }) => `${copy.manifest.facts.dtype} ${byteText(bytes)}`).join(', ') || '-';
}

function sizeOf(copies: readonly CopyOnDisk[]): number {
  return copies.reduce((sum, { bytes }) => sum + bytes, 0);
}

function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
