import { isCapsuleError } from '@capsule/core'
import type { StreamChannel } from '@capsule/transport'
import { sessionErrors } from '../errors.ts'

/** What a cell streams into its call. */
export async function* receivedBody(channel: StreamChannel, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { done, value } = await channel.read({ signal })
    if (done === true) return
    // the worker's stub sends nothing else; a forged one may
    if (!(value instanceof Uint8Array)) throw sessionErrors.CAPABILITY_BODY_INVALID({})
    yield value
  }
}

interface BodyEnds {
  /** Aborted here when nobody reads on. */
  readonly controller: AbortController
  /** Aborts when the time of the body is over, also while the cell does not read. */
  readonly ended: AbortSignal | undefined
}

/** Sends what comes behind a reply, as fast as the cell reads it. Never rejects. */
export async function sendReplyBody(
  channel: StreamChannel,
  body: AsyncIterable<unknown>,
  { controller, ended }: BodyEnds,
): Promise<void> {
  const signal = ended === undefined ? controller.signal : AbortSignal.any([controller.signal, ended])
  // the cell reads no more, or its worker is gone: a source that is idle has to hear of it too
  void channel.closed.then(() => controller.abort())
  try {
    for await (const chunk of body) await channel.write(chunk, { signal })
    await channel.end()
  } catch (error) {
    const told = tellable(signal.aborted ? signal.reason : error)
    // what waits for room would wait for as long as the cell does not read
    await channel.fail(told, { discard: true }).catch(() => {})
  }
}

/** Only what was made to be told reaches a cell. */
function tellable(error: unknown): unknown {
  return isCapsuleError(error) ? error : sessionErrors.CAPABILITY_ANSWER_LOST({})
}
