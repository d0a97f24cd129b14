import type { CodecName, FrameLimits } from './negotiation.ts'

/** Turns one message into the payload of one frame, and back. */
export interface Codec {
  readonly name: CodecName
  /**
   * Properties that are `undefined` are left out.
   * @param limits - only `depth` counts here. @defaultValue defaultLimits
   * @throws FRAME_TOO_DEEP, MESSAGE_NOT_ENCODABLE
   */
  encode(message: object, limits?: FrameLimits): Uint8Array
  /**
   * Checks nesting and claimed lengths before it allocates for them. The result is not yet validated. Its bytes may be
   * views of `payload`, which must not be written to afterwards.
   * @throws FRAME_TOO_DEEP, FRAME_MALFORMED
   */
  decode(payload: Uint8Array, limits: FrameLimits): unknown
}
