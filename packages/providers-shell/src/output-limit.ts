import type { OutputStream } from './command-process.ts'

interface OutputLimitOptions {
  /** Of each stream. */
  readonly limitBytes: number
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => void
  /** Called at each chunk that is over it. */
  readonly onOverflow: (stream: OutputStream) => void
}

/** Lets through what is within the limit of its stream. */
export interface OutputLimit {
  readonly add: (stream: OutputStream, chunk: Buffer) => void
  readonly isTruncated: boolean
  readonly bytes: number
  /** The last line that was written to stderr, within the limit. */
  lastError(): string
}

const tailBytes = 256

export function createOutputLimit({ limitBytes, onOutput, onOverflow }: OutputLimitOptions): OutputLimit {
  const left = { stdout: limitBytes, stderr: limitBytes }
  let isTruncated = false
  let tail = Buffer.alloc(0)
  return {
    add(stream, chunk) {
      const part = chunk.subarray(0, left[stream])
      left[stream] -= part.length
      if (stream === 'stderr') tail = Buffer.concat([tail, part.subarray(-tailBytes)]).subarray(-tailBytes)
      if (part.length > 0) onOutput(stream, part)
      if (part.length === chunk.length) return
      isTruncated = true
      onOverflow(stream)
    },
    get isTruncated() {
      return isTruncated
    },
    get bytes() {
      return 2 * limitBytes - left.stdout - left.stderr
    },
    lastError: () => tail.toString().trim().split('\n').at(-1) as string,
  }
}
