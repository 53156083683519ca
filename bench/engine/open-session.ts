// Opens a session as a worker does.

import type { Dtype } from '../../src/protocol.ts';
import { OnnxSession } from '../../workers/onnx-session.ts';

/** One intra-op thread. @param cpuMemArena off unless the plan needs it: ours is measured at its worst */
export function openSession(onnxFile: string, dtype: Dtype = 'float32', cpuMemArena = false): Promise<OnnxSession> {
  return OnnxSession.open({ weights: { onnxFile, dtype, packed: false, check: null }, cpuMemArena });
}
