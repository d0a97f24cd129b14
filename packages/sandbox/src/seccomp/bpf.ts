/** One instruction of classic BPF (struct sock_filter of linux/filter.h). */
export interface BpfInstruction {
  readonly code: number
  /** How many instructions to pass over when the test holds, and when it does not. */
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** The operations that seccomp filters here are made of. */
const bpfCode = {
  loadWord: 0x20,
  jumpIfEqual: 0x15,
  jumpIfGreater: 0x25,
  jumpIfAnySet: 0x45,
  return: 0x06,
} as const

export type BpfTest = 'equal' | 'greater' | 'any-set'

/** What a program is written in: jumps lead to labels, and to the next step where none is named. */
export type BpfStep =
  | { readonly load: number }
  | { readonly test: BpfTest; readonly k: number; readonly yes?: string; readonly no?: string }
  | { readonly label: string }
  | { readonly return: number }

const testCodes: Readonly<Record<BpfTest, number>> = {
  equal: bpfCode.jumpIfEqual,
  greater: bpfCode.jumpIfGreater,
  'any-set': bpfCode.jumpIfAnySet,
}
// the fields of an instruction that hold a distance have eight bits
const longestJump = 255
const instructionBytes = 8

/** Resolves labels to distances. @throws RangeError for a label that is missing or too far */
export function assembleBpf(steps: readonly BpfStep[]): BpfInstruction[] {
  const places = new Map<string, number>()
  const operations = steps.filter((step): step is Exclude<BpfStep, { label: string }> => !('label' in step))
  let next = 0
  for (const step of steps) {
    if ('label' in step) places.set(step.label, next)
    else next++
  }
  return operations.map((step, index) => {
    if ('load' in step) return { code: bpfCode.loadWord, jt: 0, jf: 0, k: step.load }
    if ('return' in step) return { code: bpfCode.return, jt: 0, jf: 0, k: step.return }
    const distance = (label: string | undefined): number => {
      const to = label === undefined ? index + 1 : (places.get(label) ?? NaN)
      const passed = to - index - 1
      if (!(passed >= 0 && passed <= longestJump)) throw new RangeError(`no jump from ${index} to ${label}`)
      return passed
    }
    return { code: testCodes[step.test], jt: distance(step.yes), jf: distance(step.no), k: step.k }
  })
}

/** The bytes that the kernel takes, which both supported architectures read in little-endian order. */
export function encodeBpf(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * instructionBytes)
  const view = new DataView(bytes.buffer)
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const offset = index * instructionBytes
    view.setUint16(offset, code, true)
    view.setUint8(offset + 2, jt)
    view.setUint8(offset + 3, jf)
    view.setUint32(offset + 4, k, true)
  }
  return bytes
}
