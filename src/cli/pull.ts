// The command `crossrank pull MODEL`: brings a model of the hub into the cache, so that a start needs no network.

import { Argument, Command, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { parseModel } from '../model/hub/model-id.ts';
import { addSomeConfigFlags, readSomeConfigFlags } from './config-flags.ts';
import { createConsole } from './console.ts';
import { CommandError, exitCodesHelp } from './exit-codes.ts';
import { endedBySignals } from './interrupt.ts';
import { findModel } from './model-source.ts';

const KEYS = ['revision', 'onnxFile', 'hubCacheDirectory', 'offline', 'hfToken'] as const;

const NOTES = `
Only what is loaded is fetched: configs, tokenizer, one ONNX file and its external data, into the cache that Python tools use too.
An interrupted download goes on where it was. Standard output is the directory.

Examples:
  crossrank pull cross-encoder/ms-marco-MiniLM-L6-v2
  crossrank pull BAAI/bge-reranker-large --revision main --onnx-file onnx/model.onnx`;

export function pullCommand(): Command {
  const command = new Command('pull')
    .description('download a model of the Hugging Face hub')
    .addArgument(new Argument('<model>', 'organisation/name; a bare name gets cross-encoder/'));
  addSomeConfigFlags(command, KEYS)
    .addOption(new Option('--quiet', 'no progress and no notes'))
    .addOption(new Option('--verbose', 'causes and stacks of errors'));
  command.addHelpText('after', `${NOTES}\n${exitCodesHelp()}`);
  return command.action(async (model: string, { quiet = false }: { readonly quiet?: boolean }) => {
    const { config } = loadConfig(readSomeConfigFlags(command, KEYS));
    if (parseModel(model).kind === 'directory') throw new CommandError('usage', `'${model}' is a path, not a model of the hub`);
    const console = createConsole({ quiet, stream: process.stderr });
    const { directory } = await endedBySignals((signal) => findModel({ ...config, modelId: model }, console, signal, quiet));
    process.stdout.write(`${directory}\n`);
  });
}
