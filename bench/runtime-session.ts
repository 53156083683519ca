// onnxruntime without our session around it: for its own peak, and for a session of several threads, which workers never open.

import { InferenceSession } from 'onnxruntime-node';

export function openRuntimeSession(onnxFile: string, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(onnxFile, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 3,
  });
}
