import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CapsuleError, coreErrors, isCapsuleError } from '@capsule/core'
import { shellErrors } from './errors.ts'

export interface InputFeed {
  readonly command: string
  readonly stdin: Writable
  readonly input: AsyncIterable<Uint8Array>
  readonly maxInputBytes: number
  /** The input is too large, or its source failed. */
  readonly onFailed: (error: CapsuleError) => void
}

/** Writes as fast as the command reads, and then closes its standard input. A command that reads no more is no failure. */
export async function feedInput({ command, stdin, input, maxInputBytes, onFailed }: InputFeed): Promise<void> {
  let failure: CapsuleError | undefined
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    let bytes = 0
    try {
      for await (const chunk of input) {
        bytes += chunk.length
        if (bytes > maxInputBytes) throw shellErrors.SHELL_INPUT_TOO_LARGE({ command, limitBytes: maxInputBytes })
        yield chunk
      }
    } catch (error) {
      failure = isCapsuleError(error)
        ? error
        : coreErrors.CANCELLED({ what: `the input of ${command}` }, { cause: error })
      throw failure
    }
  }
  await pipeline(counted, stdin).catch(() => undefined)
  if (failure !== undefined) onFailed(failure)
}
