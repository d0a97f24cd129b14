import { assembleBpf, type BpfInstruction, type BpfStep, encodeBpf } from './bpf.ts'
import { seccompAnswer } from './seccomp-answer.ts'
import { newestSyscall, refusedSyscalls, type SeccompArch, syscallTable } from './syscall-table.ts'

// offsets into struct seccomp_data; of arguments, the low half
const field = { number: 0, arch: 4, argument0: 16, argument1: 24 } as const

const cloneThread = 0x00010000
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
const cloneNamespaces = 0x7e020000
/** TIOCSTI and TIOCLINUX type into a terminal for somebody else to execute. */
const terminalRequests = [0x5412, 0x541c] as const

export const isSeccompArch = (arch: string): arch is SeccompArch => arch === 'x64' || arch === 'arm64'

/** The filter of a worker: threads, files and memory, and nothing that leads out of its process. */
function createSeccompProgram(arch: SeccompArch): BpfInstruction[] {
  const { auditArch, numberOf } = syscallTable(arch)
  const refused = refusedSyscalls.map(numberOf).filter((number) => number !== undefined)
  const steps: BpfStep[] = [
    { load: field.arch },
    { test: 'equal', k: auditArch, no: 'kill' },
    { load: field.number },
    // x32 calls as well: their numbers are far above
    { test: 'greater', k: newestSyscall, yes: 'unknown' },
    // its flags are in memory, where a filter cannot look; callers then use clone
    { test: 'equal', k: numberOf('clone3') as number, yes: 'unknown' },
    ...refused.map((number): BpfStep => ({ test: 'equal', k: number, yes: 'refuse' })),
    { test: 'equal', k: numberOf('ioctl') as number, yes: 'ioctl' },
    { test: 'equal', k: numberOf('clone') as number, no: 'allow' },
    { load: field.argument0 },
    { test: 'any-set', k: cloneNamespaces, yes: 'refuse' },
    { test: 'any-set', k: cloneThread, yes: 'allow', no: 'refuse' },
    { label: 'ioctl' },
    { load: field.argument1 },
    ...terminalRequests.map((request): BpfStep => ({ test: 'equal', k: request, yes: 'refuse' })),
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
