import { definePolicy } from '@capsule/host'
import type { CapabilityProvider } from '@capsule/core'
import { defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'

/** A provider that remembers who called what. */
export interface CalledTools {
  readonly provider: CapabilityProvider
  /** Arguments of `tools.guarded`. */
  readonly guarded: string[]
  /** Resolves when `tools.wait` is called, to its signal. */
  readonly waiting: Promise<AbortSignal>
}

export function createTools(): CalledTools {
  const guarded: string[] = []
  const waiting = Promise.withResolvers<AbortSignal>()
  const provider = defineProvider({
    name: 'tools',
    specificationVersion: 'v1',
    capabilities: {
      mark: { summary: 'Is always granted.', input: z.strictObject({}), output: z.null(), handler: () => null },
      guarded: {
        summary: 'Is what attackers want.',
        input: z.strictObject({ value: z.string() }),
        output: z.null(),
        positional: ['value'],
        limits: { inputBytes: 10_000, concurrent: 100 },
        handler({ value }) {
          guarded.push(value)
          return null
        },
      },
      wait: {
        summary: 'Waits for its signal.',
        input: z.strictObject({}),
        output: z.null(),
        handler: (_, { signal }) =>
          new Promise((_resolve, reject) => {
            waiting.resolve(signal)
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          }),
      },
    },
  })
  return { provider, guarded, waiting: waiting.promise }
}

/** Without `tools.guarded`. */
export const marksOnly = definePolicy({
  name: 'marks',
  rules: [{ id: 'marks', effect: 'allow', capability: ['tools.mark', 'tools.wait'] }],
})

/** `tools.guarded` once. */
export const guardedOnce = marksOnly.extend({
  name: 'once',
  rules: [{ id: 'once', effect: 'allow', capability: 'tools.guarded', limits: { perSession: { calls: 1 } } }],
})
