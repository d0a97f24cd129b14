/** The MIME type that the first bytes of an image tell. */
export function imageTypeOf(bytes: Uint8Array): string | undefined {
  if (startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png'
  if (startsWith(bytes, 0, [0xff, 0xd8, 0xff])) return 'image/jpeg'
  // GIF8
  if (startsWith(bytes, 0, [0x47, 0x49, 0x46, 0x38])) return 'image/gif'
  // RIFF, a length, WEBP
  if (startsWith(bytes, 0, [0x52, 0x49, 0x46, 0x46]) && startsWith(bytes, 8, [0x57, 0x45, 0x42, 0x50])) {
    return 'image/webp'
  }
  return undefined
}

function startsWith(bytes: Uint8Array, offset: number, magic: readonly number[]): boolean {
  for (let index = 0; index < magic.length; index++) {
    if (bytes[offset + index] !== magic[index]) return false
  }
  return true
}
