import type { Codec } from '../codec.ts'
import { protocolErrors } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { MessagePackReader } from './messagepack-reader.ts'
import { scanMessagePack } from './messagepack-scan.ts'
import { MessagePackWriter } from './messagepack-writer.ts'

/** Its own writer and reader: messages are small and plain, and a general library costs more than the rest of the way. */
export function createMessagePackCodec(): Codec {
  const writer = new MessagePackWriter()
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
