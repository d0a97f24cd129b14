import { assembleBpf, type BpfInstruction, type BpfStep, encodeBpf } from './bpf.ts'
import { newestSyscall, refusedSyscalls, type SeccompArch, syscallTable } from './syscall-table.ts'

/** What a filter answers (linux/seccomp.h). */
export const seccompAnswer = {
  allow: 0x7fff0000,
  killProcess: 0x80000000,
  /** EPERM */
  refuse: 0x00050001,
  /** ENOSYS: as an older kernel would answer, so that callers fall back to what they did before. */
  unknown: 0x00050026,
} as const

// offsets into struct seccomp_data; of arguments, the low half
const field = { number: 0, arch: 4, argument0: 16, argument1: 24 } as const

const cloneThread = 0x00010000
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
const cloneNamespaces = 0x7e020000
/** TIOCSTI and TIOCLINUX type into a terminal for somebody else to execute. */
const terminalRequests = [0x5412, 0x541c] as const

export const isSeccompArch = (arch: string): arch is SeccompArch => arch === 'x64' || arch === 'arm64'

/** The filter of a worker: threads, files and memory, and nothing that leads out of its process. */
export function createSeccompProgram(arch: SeccompArch): BpfInstruction[] {
  const { auditArch, numberOf } = syscallTable(arch)
  const refused = refusedSyscalls.map(numberOf).filter((number) => number !== undefined)
  const steps: BpfStep[] = [
    { load: field.arch },
    { test: 'equal', k: auditArch, otherwise: 'kill' },
    { load: field.number },
    // x32 calls as well: their numbers are far above
    { test: 'greater', k: newestSyscall, then: 'unknown' },
    // its flags are in memory, where a filter cannot look; callers then use clone
    { test: 'equal', k: numberOf('clone3') as number, then: 'unknown' },
    ...refused.map((number): BpfStep => ({ test: 'equal', k: number, then: 'refuse' })),
    { test: 'equal', k: numberOf('ioctl') as number, then: 'ioctl' },
    { test: 'equal', k: numberOf('clone') as number, otherwise: 'allow' },
    { load: field.argument0 },
    { test: 'any-set', k: cloneNamespaces, then: 'refuse' },
    { test: 'any-set', k: cloneThread, then: 'allow', otherwise: 'refuse' },
    { label: 'ioctl' },
    { load: field.argument1 },
    ...terminalRequests.map((request): BpfStep => ({ test: 'equal', k: request, then: 'refuse' })),
    { label: 'allow' },
    { return: seccompAnswer.allow },
    { label: 'refuse' },
    { return: seccompAnswer.refuse },
    { label: 'unknown' },
    { return: seccompAnswer.unknown },
    { label: 'kill' },
    { return: seccompAnswer.killProcess },
  ]
  return assembleBpf(steps)
}

/** The filter as the kernel and bubblewrap take it. */
export const encodeSeccompProgram = (arch: SeccompArch): Uint8Array => encodeBpf(createSeccompProgram(arch))
