// Defaults of the bounds on request bodies, from the memory of the machine or container. Pure but for the functions the table of options calls.

import { getHeapStatistics } from 'node:v8';
import { memoryLimitBytes } from '../limits.ts';

/** What a process may use. */
export interface ProcessMemory {
  /** Its share of the machine or container. */
  readonly memoryBytes: number;
  /** Of V8, where parsed texts live. */
  readonly heapBytes: number;
}

const MIB = 1_048_576;

/** Before compression, 6,000 documents of 5,000 characters. */
const LARGEST_BODY_BYTES = 32 * MIB;

/**
 * A body of Chinese takes three bytes for each sent (as it came, and two for each byte of text at most), and others must find room
 * beside the largest.
 */
const BODIES_OF_MEMORY = 4;

/** An eighth of the memory is for bodies: the model, its workers and the answers need the rest. */
const SHARE_OF_MEMORY = 8;

/** The garbage of parsing and of answers lies beside them, and V8 ends the process when its heap is full. */
const SHARE_OF_HEAP = 4;

/** Whole MiB, so that the largest body four times over fits into the share of the memory; at least 1. */
export function defaultPayloadLimit({ memoryBytes }: ProcessMemory): number {
  const fitting = Math.floor(memoryBytes / SHARE_OF_MEMORY / BODIES_OF_MEMORY / MIB) * MIB;
  return Math.max(MIB, Math.min(LARGEST_BODY_BYTES, fitting));
}

/** @param payloadLimitBytes the largest body, which always has room four times */
export function defaultInflightLimit({ memoryBytes, heapBytes }: ProcessMemory, payloadLimitBytes: number): number {
  const share = Math.floor(Math.min(memoryBytes / SHARE_OF_MEMORY, heapBytes / SHARE_OF_HEAP) / MIB) * MIB;
  return Math.max(BODIES_OF_MEMORY * payloadLimitBytes, share);
}

/** Of one of several processes. */
export function processMemory(processes: number): ProcessMemory {
  return { memoryBytes: memoryLimitBytes() / processes, heapBytes: getHeapStatistics().heap_size_limit };
}
