import type { Codec } from '../codec.ts'
import { protocolErrors } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import type { CodecOptions } from './create-codec.ts'
import { MessagePackReader } from './messagepack-reader.ts'
import { scanMessagePack } from './messagepack-scan.ts'
import { MessagePackWriter } from './messagepack-writer.ts'

/** Its own writer and reader: messages are small and plain, and a general library costs more than the rest of the way. */
export function createMessagePackCodec({ reusesMemory = false }: CodecOptions = {}): Codec {
  const writer = new MessagePackWriter(reusesMemory ? 'reuse' : 'keep')
  const reader = new MessagePackReader()
  return {
    name: 'msgpack',
    encode: (message, limits = defaultLimits) => writer.write(message, limits.depth),
    decode(payload, limits) {
      scanMessagePack(payload, limits.depth)
      try {
        return reader.read(payload)
      } catch (error) {
        throw protocolErrors.FRAME_MALFORMED({ codec: 'msgpack', problem: 'it cannot be decoded' }, { cause: error })
      }
    },
  }
}
