import type { WorkerSettings } from '@capsule/protocol'

// unit: bytes; threat: what a stopped cell has printed comes before its end, so each byte that waits delays that
const longestBehindRing = 64 * 1024

/** The ring bounds the printing code in these modes: what is in it is never refused, and the pump takes the rest. */
export function behindRing(settings: WorkerSettings, ringBytes: number): WorkerSettings {
  const { outputBufferBytes } = settings
  const restBytes = Math.max(outputBufferBytes - ringBytes, Math.min(outputBufferBytes, longestBehindRing))
  return { ...settings, backPressure: 'block', outputBufferBytes: restBytes }
}

/** In mode `error` the printing code is refused when the ring is full, as it waits in mode `block`. */
export function waitsForRoom({ backPressure }: WorkerSettings): boolean {
  return backPressure === 'block' || backPressure === 'error'
}
