import type { Measurement } from './bench.ts'

/** What a measurement should be. */
interface Target {
  /** The measurement's id. */
  readonly id: string
  readonly at: 'most' | 'least'
  readonly value: number
}

const targets: readonly Target[] = [
  { id: 'latency/capsule async/ratio', at: 'most', value: 1.8 },
  { id: 'latency/capsule threaded/ratio', at: 'most', value: 3 },
  { id: 'latency/capsule threaded/rate', at: 'least', value: 30_000 },
  { id: 'output/threaded/lines/rate', at: 'least', value: 2e6 },
  { id: 'output/async/lines/rate', at: 'least', value: 2e6 },
  { id: 'output/threaded/messages/rate', at: 'least', value: 4e5 },
  { id: 'output/async/messages/rate', at: 'least', value: 4e5 },
  { id: 'output/threaded/lines/growth', at: 'most', value: 15 },
  { id: 'output/async/lines/growth', at: 'most', value: 15 },
  { id: 'results/capsule threaded/object', at: 'most', value: 5 },
  { id: 'results/capsule async/object', at: 'most', value: 5 },
  { id: 'results/capsule threaded/string', at: 'most', value: 5 },
  { id: 'results/capsule async/string', at: 'most', value: 5 },
  { id: 'start/capsule async/cpu-ratio', at: 'most', value: 1.25 },
  { id: 'start/capsule threaded/cpu-ratio', at: 'most', value: 2 },
  { id: 'start/capsule async/cold-ratio', at: 'most', value: 1.5 },
  { id: 'start/capsule threaded/cold-ratio', at: 'most', value: 2 },
  { id: 'memory/capsule async/uss', at: 'most', value: 12 },
  { id: 'memory/capsule threaded/uss', at: 'most', value: 20 },
  { id: 'cancel/worst/p95', at: 'most', value: 50 },
  { id: 'cancel/worst/true', at: 'least', value: 100 },
  { id: 'flood/capsule threaded/read/p95', at: 'most', value: 50 },
  { id: 'flood/capsule threaded/unread/p95', at: 'most', value: 50 },
  { id: 'flood/capsule async/read/p95', at: 'most', value: 50 },
  { id: 'flood/capsule async/unread/p95', at: 'most', value: 50 },
  { id: 'hot-loop/capsule threaded/inside a function/ratio', at: 'most', value: 1.1 },
  { id: 'hot-loop/capsule async/inside a function/ratio', at: 'most', value: 1.1 },
  { id: 'hot-loop/capsule threaded/over top-level bindings/ratio', at: 'most', value: 1.5 },
  { id: 'hot-loop/capsule async/over top-level bindings/ratio', at: 'most', value: 1.5 },
  { id: 'frames/decode', at: 'least', value: 1 },
  { id: 'streams/capsule threaded/send/ratio', at: 'least', value: 0.5 },
  { id: 'streams/capsule threaded/receive/ratio', at: 'least', value: 0.5 },
  { id: 'streams/capsule async/send/ratio', at: 'least', value: 0.5 },
  { id: 'streams/capsule async/receive/ratio', at: 'least', value: 0.5 },
  { id: 'checkpoints/capsule threaded/records/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule threaded/records/restore', at: 'most', value: 200 },
  { id: 'checkpoints/capsule threaded/texts/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule threaded/texts/restore', at: 'most', value: 200 },
  { id: 'checkpoints/capsule threaded/bytes/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule threaded/bytes/restore', at: 'most', value: 200 },
  { id: 'checkpoints/capsule async/records/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule async/records/restore', at: 'most', value: 200 },
  { id: 'checkpoints/capsule async/texts/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule async/texts/restore', at: 'most', value: 200 },
  { id: 'checkpoints/capsule async/bytes/take', at: 'most', value: 150 },
  { id: 'checkpoints/capsule async/bytes/restore', at: 'most', value: 200 },
  { id: 'capabilities/capsule threaded/median', at: 'most', value: 150 },
  { id: 'capabilities/capsule async/median', at: 'most', value: 150 },
  { id: 'capabilities/capsule threaded/ratio', at: 'most', value: 4 },
  { id: 'capabilities/capsule async/ratio', at: 'most', value: 4 },
  { id: 'isolation/capsule threaded/os/added', at: 'most', value: 10 },
  { id: 'isolation/capsule async/os/added', at: 'most', value: 10 },
  { id: 'pool/capsule threaded, recycle/warm', at: 'most', value: 1 },
  { id: 'pool/capsule threaded, namespace/warm', at: 'most', value: 1 },
  { id: 'pool/capsule async, recycle/warm', at: 'most', value: 1 },
  { id: 'pool/capsule async, namespace/warm', at: 'most', value: 1 },
  { id: 'durable/embedded/told', at: 'most', value: 0.1 },
  { id: 'durable/embedded/growth', at: 'most', value: 64 },
  { id: 'soak/capsule threaded/worker', at: 'most', value: 64 },
  { id: 'soak/capsule async/worker', at: 'most', value: 64 },
  { id: 'soak/capsule threaded/host', at: 'most', value: 64 },
  { id: 'soak/capsule async/host', at: 'most', value: 64 },
]

export interface Verdict {
  readonly target: Target
  readonly measurement: Measurement
  readonly isMet: boolean
}

/** The targets whose measurements were taken. */
export function judge(measurements: readonly Measurement[]): Verdict[] {
  const byId = new Map(measurements.map((measurement) => [measurement.id, measurement]))
  return targets.flatMap((target) => {
    const measurement = byId.get(target.id)
    if (measurement === undefined) return []
    const isMet = target.at === 'most' ? measurement.value <= target.value : measurement.value >= target.value
    return [{ target, measurement, isMet }]
  })
}
