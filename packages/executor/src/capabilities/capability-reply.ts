import { coreErrors, isCapsuleError } from '@capsule/core'
import type { WireError } from '@capsule/protocol'
import { errorOf } from '../error-of.ts'
import { executorErrors } from '../errors.ts'
import type { BodyChannel, GrantedCapability } from './capability-calls.ts'
import { responseHeaders } from './response-headers.ts'

// cells share `globalThis` with this code and may replace these
const { defineProperty } = Object
const { parse } = JSON
const NativeUint8Array = Uint8Array
const decoder = new TextDecoder()

export interface ReplyBody {
  readonly channel: BodyChannel
  /** The signal of the call: it ends reading too. */
  readonly signal: AbortSignal | undefined
}

// unit: bytes; threat: a reply that fills the worker's memory by one call of text()
const wholeBodyBytes = 64 * 1024 * 1024

interface Head {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
}

/** What a cell gets for a reply: its value, for `body` and `response` with the ways to read what comes behind it. */
export function replyOf({ name, returns }: GrantedCapability, value: unknown, body: ReplyBody | undefined): unknown {
  if (returns === 'value') return value
  const reader = new BodyReader(name, body)
  if (returns === 'response') return withBody(responseOf(value as Head), reader)
  return withBody(typeof value === 'object' && value !== null ? value : { value }, reader)
}

function responseOf({ status, headers, ...rest }: Head): object {
  return { ok: status >= 200 && status < 300, status, ...rest, headers: responseHeaders(headers) }
}

const readers = ['text', 'json', 'bytes', 'arrayBuffer'] as const

/** Adds the members that `fetch` gives a Response; they do not show where the object is printed. */
function withBody(target: object, reader: BodyReader): object {
  const methods = {
    text: () => reader.text(),
    json: async () => parse(await reader.text()) as unknown,
    bytes: () => reader.bytes(),
    arrayBuffer: async () => (await reader.bytes()).buffer,
  }
  for (const key of readers) defineProperty(target, key, { value: methods[key], configurable: true })
  defineProperty(target, 'body', { value: reader, configurable: true })
  return defineProperty(target, 'bodyUsed', { get: () => reader.isUsed, configurable: true })
}

/** A body comes once: whole, or chunk by chunk. */
class BodyReader implements AsyncIterable<unknown> {
  readonly #capability: string
  readonly #body: ReplyBody | undefined
  isUsed = false

  constructor(capability: string, body: ReplyBody | undefined) {
    this.#capability = capability
    this.#body = body
  }

  /** Leaving the loop early tells the host to stop. */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void> {
    this.#use()
    if (this.#body === undefined) return
    const { channel, signal } = this.#body
    let isOver = false
    try {
      for (;;) {
        const { done, value } = await channel.read({ signal })
        isOver = done === true
        if (isOver) return
        yield value
      }
    } catch (error) {
      throw this.#failureOf(error, signal)
    } finally {
      if (!isOver) this.#leave(channel)
    }
  }

  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of this) {
      if (!(chunk instanceof NativeUint8Array)) throw this.#invalid('its body is a stream of values: loop over `body`')
      size += chunk.length
      if (size > wholeBodyBytes) {
        throw executorErrors.CAPABILITY_BODY_TOO_LARGE({ capability: this.#capability, limitBytes: wholeBodyBytes })
      }
      chunks.push(chunk)
    }
    return joined(chunks, size)
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes())
  }

  /** As an error of the call: cells know nothing of channels. */
  #failureOf(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return coreErrors.CANCELLED({ what: this.#capability }, { cause: signal.reason })
    return failureOf(error)
  }

  /** What the cell still sends is of no use either. */
  #leave(channel: BodyChannel): void {
    channel.cancel()
    void channel.fail(coreErrors.CANCELLED({ what: this.#capability })).catch(() => {})
  }

  #use(): void {
    if (this.isUsed) throw executorErrors.CAPABILITY_BODY_USED({ capability: this.#capability })
    this.isUsed = true
  }

  #invalid(problem: string): Error {
    return executorErrors.CAPABILITY_CALL_INVALID({ capability: this.#capability, problem })
  }
}

/** What the host ended a body with, as the call itself would have been rejected; any other error as it is. */
function failureOf(error: unknown): unknown {
  if (!isCapsuleError(error) || error.code !== 'STREAM_FAILED') return error
  const { error: told } = error.details as { error?: WireError }
  return told === undefined ? error : errorOf(told)
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new NativeUint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
