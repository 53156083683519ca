// The model that the exchange with Python was recorded with.

import { join } from 'node:path';
import { oracleModel } from '../../../helpers/oracle.ts';
import { repoRoot } from '../../../helpers/paths.ts';
import { filesOf } from '../../../helpers/stand-in-hub.ts';

export const CHECKED_ID = 'oracle/external-data';

/** Weights with external data in large storage, small files, and one that nobody needs. */
export function checkedFiles(): Record<string, Buffer> {
  const { 'model.onnx': onnx, 'model.onnx_data': data, ...small } = filesOf(oracleModel('external-data'));
  return { ...small, 'README.md': Buffer.from('# model\n'), 'onnx/model.onnx': onnx!, 'onnx/model.onnx_data': data! };
}

/** Asked for by name: there, known not to exist, unknown. */
export const ASKED_NAMES: readonly string[] = [
  'config.json',
  'onnx/model.onnx',
  'onnx/model.onnx_data',
  'modules.json',
  'README.md',
];

export const RECORDED = join(repoRoot, 'test/model/hub/python-check/recorded.json');
