import type { Codec } from '../codec.ts'
import type { CodecName } from '../negotiation.ts'
import { createJsonCodec } from './json-codec.ts'
import { createMessagePackCodec } from './messagepack-codec.ts'

export interface CodecOptions {
  /**
   * What `encode` returns holds until the next call only, for callers that copy it at once: bulk then leaves no garbage.
   * @defaultValue false
   */
  readonly reusesMemory?: boolean
}

export function createCodec(name: CodecName, options: CodecOptions = {}): Codec {
  switch (name) {
    case 'msgpack':
      return createMessagePackCodec(options)
    case 'json':
      return createJsonCodec()
  }
}
