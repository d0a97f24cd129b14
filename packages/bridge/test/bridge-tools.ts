import {
  type Bridge,
  type BridgedOutcome,
  createBridge,
  type CreateBridgeOptions,
  createMemoryStore,
} from '@capsule/bridge'
import { createCountingIds } from '@capsule/core'
import type { Outcome } from '@capsule/session'
import { createFakeClock, type FakeClock } from '@capsule/testing'
import { onTestFinished } from 'vitest'
import { type GatedStore, gatedStore } from './store-wrappers.ts'

export interface OpenedBridge {
  readonly bridge: Bridge
  readonly store: GatedStore
  readonly clock: FakeClock
}

export function openBridge(options: Partial<CreateBridgeOptions> = {}, clock = createFakeClock()): OpenedBridge {
  const store = gatedStore(options.store ?? createMemoryStore({ clock }))
  const bridge = createBridge({ clock, ids: createCountingIds(), ...options, store })
  // some sends of these tests never end
  onTestFinished(() => void bridge.close())
  return { bridge, store, clock }
}

export const outcome = (fields: Partial<Outcome> = {}): Outcome => ({
  executionId: 'execution-1',
  status: 'ok',
  state: 'kept',
  durationMs: 1,
  output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
  ...fields,
})

export const bridged = (value: unknown): BridgedOutcome => ({ outcome: outcome({ value }), attempt: 1 })

/** A send that the test ends. */
export function sending(): {
  send: (signal: AbortSignal) => Promise<BridgedOutcome>
  done: PromiseWithResolvers<BridgedOutcome>
  signals: AbortSignal[]
} {
  const done = Promise.withResolvers<BridgedOutcome>()
  const signals: AbortSignal[] = []
  return {
    done,
    signals,
    send(signal) {
      signals.push(signal)
      return done.promise
    },
  }
}
