import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seccompAnswer } from '../src/seccomp/seccomp-answer.ts'
import { encodeSeccompProgram } from '../src/seccomp/seccomp-program.ts'
import { refusedSyscalls, type SeccompArch, type SyscallName, syscallTable } from '../src/seccomp/syscall-table.ts'
import { runFilter, type SeccompData } from './bpf-interpreter.ts'

const auditArchs = { x64: 0xc000003e, arm64: 0xc00000b7 } as const
const kernelProgramLimit = 4096
const noArgs = [0n, 0n, 0n, 0n, 0n, 0n]

/** Says the same as the filter in the plainest way. */
function oracle(arch: SeccompArch, { number, arch: asked, args }: SeccompData): number {
  const { numberOf } = syscallTable(arch)
  if (asked !== auditArchs[arch]) return seccompAnswer.killProcess
  if (number > 462 || number === numberOf('clone3')) return seccompAnswer.unknown
  if (refusedSyscalls.some((name) => numberOf(name) === number)) return seccompAnswer.refuse
  if (number === numberOf('ioctl')) {
    const request = Number((args[1] ?? 0n) & 0xffffffffn)
    return request === 0x5412 || request === 0x541c ? seccompAnswer.refuse : seccompAnswer.allow
  }
  if (number === numberOf('clone')) {
    const flags = (args[0] ?? 0n) & 0xffffffffn
    const isThread = (flags & 0x10000n) !== 0n && (flags & 0x7e020000n) === 0n
    return isThread ? seccompAnswer.allow : seccompAnswer.refuse
  }
  return seccompAnswer.allow
}

// arm64 is checked here only: no machine of that kind runs these tests
describe.each(['x64', 'arm64'] as const)('the filter for %s', (arch) => {
  const program = encodeSeccompProgram(arch)
  const answer = (number: number, args: readonly bigint[] = noArgs, asked: number = auditArchs[arch]): number =>
    runFilter(program, { number, arch: asked, args })
  const { numberOf } = syscallTable(arch)

  it('is one that the kernel takes', () => {
    expect(program.byteLength % 8).toBe(0)
    expect(program.byteLength / 8).toBeLessThan(kernelProgramLimit)
  })

  it('answers every call by number as the oracle does', () => {
    for (let number = 0; number < 1024; number++) {
      expect([number, answer(number)]).toEqual([number, oracle(arch, { number, arch: auditArchs[arch], args: noArgs })])
    }
  })

  it('answers any call as the oracle does', () => {
    const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    const argument = fc.oneof(word, fc.constantFrom(0x5412n, 0x541cn, 0x10000n, 0x10000000n, 0x5412n + 2n ** 32n))
    const data = fc.record({
      number: fc.oneof(
        fc.nat(470),
        fc.nat(2 ** 32 - 1),
        fc.constantFrom(...[numberOf('clone'), numberOf('ioctl')].map(Number)),
      ),
      arch: fc.oneof({ weight: 9, arbitrary: fc.constant(auditArchs[arch]) }, { weight: 1, arbitrary: fc.nat() }),
      args: fc.array(argument, { minLength: 6, maxLength: 6 }),
    })
    fc.assert(
      fc.property(data, (call) => {
        expect(runFilter(program, call)).toBe(oracle(arch, call))
      }),
      { numRuns: 5000 },
    )
  })

  it('starts threads and no processes, and makes no namespaces on the way', () => {
    const clone = numberOf('clone') as number
    // as pthread_create does: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID
    expect(answer(clone, [0x3d0f00n, ...noArgs.slice(1)])).toBe(seccompAnswer.allow)
    // SIGCHLD, as fork does
    expect(answer(clone, [17n, ...noArgs.slice(1)])).toBe(seccompAnswer.refuse)
    expect(answer(clone, [0x10000000n | 17n, ...noArgs.slice(1)])).toBe(seccompAnswer.refuse)
    expect(answer(clone, [0x3d0f00n | 0x20000n, ...noArgs.slice(1)])).toBe(seccompAnswer.refuse)
    expect(answer(numberOf('clone3') as number)).toBe(seccompAnswer.unknown)
  })

  it('ends a process that calls by another convention', () => {
    const i386 = 0x40000003
    expect(answer(numberOf('socket') as number, noArgs, i386)).toBe(seccompAnswer.killProcess)
  })

  it('knows no calls that are newer than its table, nor those of x32', () => {
    expect(answer(462)).toBe(seccompAnswer.allow)
    expect(answer(463)).toBe(seccompAnswer.unknown)
    expect(answer(0x40000000 + 41)).toBe(seccompAnswer.unknown)
  })

  it.each(['socket', 'connect', 'ptrace', 'io_uring_setup', 'bpf', 'mount', 'execveat', 'memfd_create'] as const)(
    'refuses %s',
    (name) => {
      expect(answer(numberOf(name) as number)).toBe(seccompAnswer.refuse)
    },
  )
})

it('has the numbers of this system', ({ skip }) => {
  const header = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'
  if (!existsSync(header)) return skip(`${header} is not there`)
  const numbers = new Map(
    [...readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name, number]) => [
      name,
      Number(number),
    ]),
  )
  const { numberOf } = syscallTable('x64')
  const names: SyscallName[] = [...refusedSyscalls, 'clone', 'clone3', 'ioctl']
  const differing = names.filter((name) => numbers.has(name) && numbers.get(name) !== numberOf(name))
  expect(differing).toEqual([])
  expect(numbers.size).toBeGreaterThan(300)
})
