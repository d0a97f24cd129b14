import type { WorkerSettings } from './settings.ts'

/** Units are those of {@link WorkerSettings}. */
export const defaultWorkerSettings: WorkerSettings = {
  backPressure: 'block',
  outputBufferBytes: 256 * 1024,
  outputChunkBytes: 64 * 1024,
  drainTimeoutMs: 30_000,
  suppressDrainErrors: false,
  heartbeatMs: 1000,
  valueBytes: 8 * 1024 * 1024,
  valueDepth: 100,
  textLength: 100_000,
  route: 'auto',
}
