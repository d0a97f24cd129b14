import { defaultWorkerSettings, type FrameLimits, type HelloMessage, type WorkerSettings } from '@capsule/protocol'

// one byte of text becomes at most this many in a frame: \u0000 in JSON
const longestEscape = 6
// unit: bytes; the rest of an output message
const outputFrameBytes = 512

/** What the host asked for over the defaults, so that no output message exceeds the frames that were agreed. */
export function effectiveSettings({ settings }: HelloMessage, { frameBytes }: FrameLimits): WorkerSettings {
  const asked = Object.entries(settings).filter(([, value]) => value !== undefined)
  const wanted: WorkerSettings = { ...defaultWorkerSettings, ...Object.fromEntries(asked) }
  const chunkLimitBytes = Math.max(1, Math.floor((frameBytes - outputFrameBytes) / longestEscape))
  return { ...wanted, outputChunkBytes: Math.min(wanted.outputChunkBytes, chunkLimitBytes) }
}
