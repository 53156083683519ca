// Where a command's model is: the directory that was named, or the one a model of the hub is downloaded to.

import { type Config, hubSettings, modelName } from '../config.ts';
import type { Logger } from '../logger.ts';
import { type ResolvedModel, resolveModel } from '../model/hub/resolve-model.ts';
import { HubProgress } from './hub-progress.ts';

/**
 * @param quiet no progress; the logger decides about lines
 * @throws RerankError `model_files`, `config`, `cancelled`; see {@link resolveModel}
 */
export async function findModel(config: Config, logger: Logger, signal: AbortSignal, quiet = false): Promise<ResolvedModel> {
  const progress = new HubProgress({ logger, stream: process.stderr, quiet });
  const { revision, onnxFile } = config;
  const settings = () => hubSettings(config);
  try {
    return await resolveModel({ model: modelName(config), revision, onnxFile, settings, signal, onEvent: progress.show });
  } finally {
    progress.end();
  }
}
