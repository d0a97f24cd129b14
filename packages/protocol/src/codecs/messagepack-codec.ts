// this entry of msgpackr is the pure JavaScript one: no native addon, and no generated code as long as records are off
import { Packr } from 'msgpackr/pack'
import type { Codec } from '../codec.ts'
import { protocolErrors } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { checkEncodable, withoutUndefined } from './encodable.ts'
import { scanMessagePack } from './messagepack-scan.ts'

export function createMessagePackCodec(): Codec {
  const packr = new Packr({
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    int64AsType: 'auto',
    moreTypes: false,
  })
  return {
    name: 'msgpack',
    encode(message, limits = defaultLimits) {
      const { hasUndefined } = checkEncodable(message, limits.depth)
      return packr.pack(hasUndefined ? withoutUndefined(message) : message)
    },
    decode(payload, limits) {
      scanMessagePack(payload, limits.depth)
      try {
        return packr.unpack(payload)
      } catch (error) {
        throw protocolErrors.FRAME_MALFORMED({ codec: 'msgpack', problem: 'it cannot be decoded' }, { cause: error })
      }
    },
  }
}
