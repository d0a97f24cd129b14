/** What a filter sees of a call: struct seccomp_data of linux/seccomp.h. */
export interface SeccompData {
  readonly number: number
  readonly arch: number
  readonly args: readonly bigint[]
}

const instructionBytes = 8
const dataBytes = 64

/** Runs a filter as the kernel does, from its bytes; knows the whole of what the kernel lets a seccomp filter load and test. */
export function runFilter(program: Uint8Array, data: SeccompData): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const memory = memoryOf(data)
  const length = program.byteLength / instructionBytes
  let accumulator = 0
  for (let at = 0; at < length; at++) {
    const offset = at * instructionBytes
    const [code, jt, jf] = [view.getUint16(offset, true), view.getUint8(offset + 2), view.getUint8(offset + 3)]
    const k = view.getUint32(offset + 4, true)
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k >= dataBytes) throw new RangeError(`instruction ${at} loads from ${k}`)
        accumulator = memory.getUint32(k, true)
        break
      case 0x15:
        at += accumulator === k ? jt : jf
        break
      case 0x25:
        at += accumulator > k ? jt : jf
        break
      case 0x45:
        at += (accumulator & k) !== 0 ? jt : jf
        break
      case 0x06:
        return k
      default:
        throw new RangeError(`instruction ${at} has the unknown code ${code}`)
    }
  }
  throw new RangeError('the filter ended without an answer')
}

function memoryOf({ number, arch, args }: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(dataBytes))
  view.setUint32(0, number, true)
  view.setUint32(4, arch, true)
  for (const [index, value] of args.entries()) view.setBigUint64(16 + 8 * index, value, true)
  return view
}
