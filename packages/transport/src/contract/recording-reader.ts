import { systemClock, withDeadline } from '@capsule/core'
import type { TransportEnd, TransportReceiver } from '../transport.ts'

/** How long a contract test waits, in milliseconds of real time, for what should happen at once. */
const deadlineMs = 10_000

/** A receiver that remembers everything and can be waited for. */
export interface RecordingReader<Message> extends TransportReceiver {
  readonly messages: readonly Message[]
  readonly ends: readonly TransportEnd[]
  /** Messages that came after the end; a transport that keeps its contract leaves it 0. */
  readonly late: number
  /** @throws TIMED_OUT */
  received(count: number): Promise<readonly Message[]>
  /** @throws TIMED_OUT */
  ended(): Promise<TransportEnd>
}

export function createRecordingReader<Message>(onMessage?: (message: Message) => void): RecordingReader<Message> {
  const messages: Message[] = []
  const ends: TransportEnd[] = []
  let late = 0
  let waiting: { isMet: () => boolean; resolve: () => void }[] = []
  const wake = (): void => {
    for (const { isMet, resolve } of waiting) if (isMet()) resolve()
    waiting = waiting.filter(({ isMet }) => !isMet())
  }
  const until = async (isMet: () => boolean, what: () => string): Promise<void> => {
    if (isMet()) return
    const met = new Promise<void>((resolve) => waiting.push({ isMet, resolve }))
    try {
      await within(met, 'a transport event')
    } catch (error) {
      throw new Error(`waited for ${what()}; ${messages.length} messages and ${JSON.stringify(ends)} came`, {
        cause: error,
      })
    }
  }
  return {
    messages,
    ends,
    get late() {
      return late
    },
    message(message) {
      if (ends.length > 0) late++
      messages.push(message as Message)
      onMessage?.(message as Message)
      wake()
    },
    end(end) {
      ends.push(end)
      wake()
    },
    async received(count) {
      await until(
        () => messages.length >= count,
        () => `${count} messages`,
      )
      return messages
    },
    async ended() {
      await until(
        () => ends.length > 0,
        () => 'the end',
      )
      return ends[0] as TransportEnd
    },
  }
}

/** @throws TIMED_OUT after 10 s of real time */
export function within<T>(promise: Promise<T>, what: string): Promise<T> {
  return withDeadline(promise, { clock: systemClock, timeoutMs: deadlineMs, what })
}
