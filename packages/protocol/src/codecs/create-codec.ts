import type { Codec } from '../codec.ts'
import type { CodecName } from '../negotiation.ts'
import { createJsonCodec } from './json-codec.ts'
import { createMessagePackCodec } from './messagepack-codec.ts'

export function createCodec(name: CodecName): Codec {
  switch (name) {
    case 'msgpack':
      return createMessagePackCodec()
    case 'json':
      return createJsonCodec()
  }
}
