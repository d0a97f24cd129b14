import type { ChildProcess } from 'node:child_process'
import { createRecorder, waitForEvent } from '@capsule/testing'
import { onTestFinished } from 'vitest'
import type { StorePlace } from './open-store.ts'
import { startHost } from './run-host.ts'
import type { SharedHostStep } from './shared-host.ts'

// a process that only starts takes its time on a busy machine
const deadlineMs = 30_000

type Step<Type extends SharedHostStep['type']> = Extract<SharedHostStep, { type: Type }>

export interface SharedHost {
  readonly child: ChildProcess
  readonly steps: readonly SharedHostStep[]
  readonly exited: Promise<unknown[]>
  reaches<Type extends SharedHostStep['type']>(type: Type): Promise<Step<Type>>
}

/** A host that lives until it has its result, its test ends, or its parent kills it. */
export function startSharedHost(place: StorePlace, folder: string, leaseMs: number): SharedHost {
  const child = startHost('shared-host.ts', { leaseMs }, { place, folder })
  onTestFinished(() => void child.kill('SIGKILL'))
  const steps = createRecorder<SharedHostStep>()
  child.on('message', (step: SharedHostStep) => steps.record(step))
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (more: string) => (text += more))
  child.stdout?.resume()
  const exited = waitForEvent(child, 'close', { deadlineMs: 3 * deadlineMs, what: 'the end of a host' })
  exited.catch(() => {})
  return {
    child,
    steps: steps.values,
    exited,
    async reaches(type) {
      const wait = steps
        .waitFor((step) => step.type === type, { deadlineMs, what: type })
        .catch((error: unknown) => {
          throw new Error(`${JSON.stringify(steps.values)} ${text}`, { cause: error })
        })
      return (await wait) as Step<typeof type>
    },
  }
}
