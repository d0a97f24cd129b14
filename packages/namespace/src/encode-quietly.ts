import { defaultWorkerSettings, encodeValue } from '@capsule/protocol'
import type { EngineOptions } from './engine.ts'

interface ValueBudget {
  readonly valueBytes: number
  readonly valueDepth: number
}

export function budgetOf({ valueBytes, valueDepth }: EngineOptions): ValueBudget {
  return {
    valueBytes: valueBytes ?? defaultWorkerSettings.valueBytes,
    valueDepth: valueDepth ?? defaultWorkerSettings.valueDepth,
  }
}

/** Undefined: it cannot be encoded, for whatever reason. */
export function encodeQuietly(value: unknown, { valueBytes, valueDepth }: ValueBudget): ReturnType<typeof encodeValue> {
  try {
    return encodeValue(value, { bytes: valueBytes, depth: valueDepth })
  } catch {
    return undefined
  }
}
