import { defineErrors } from '@capsule/core'

/** Why one driver was passed over. */
export interface DriverRefusal {
  readonly driver: string
  readonly level: string
  readonly reason: string
  readonly nextStep: string
}

const described = ({ driver, reason, nextStep }: DriverRefusal): string => `${driver}: ${reason} (${nextStep})`

export const sandboxErrors = defineErrors({
  ISOLATION_UNAVAILABLE: {
    message: ({
      asked,
      available,
      refusals = [],
    }: {
      asked: string
      available: readonly string[]
      refusals?: readonly DriverRefusal[]
    }) =>
      [
        `isolation level '${asked}' is not available here (available: ${available.join(', ')})`,
        ...refusals.map(described),
      ].join('; '),
    cause:
      'This machine cannot give the level that was asked for: bubblewrap is missing, user namespaces are off, or Node is too old. Capsule never gives less than asked.',
    next: "Do what the message says for the driver, such as `apt-get install bubblewrap`; or ask for a level that is available, or for 'auto', the strongest of them.",
  },
  WATCHDOG_UNAVAILABLE: {
    message: ({ limit, reason }: { limit: string; reason: string }) => `${limit} cannot be enforced here: ${reason}`,
    cause: 'The use of memory and CPU by a worker is read from /proc, which only Linux has, and only for a known pid.',
    next: 'Leave the limit out, run on Linux, or limit the worker from outside (a container, a cgroup).',
  },
  MEMORY_LIMIT_EXCEEDED: {
    message: ({ rssMb, maxRssMb }: { rssMb: number; maxRssMb: number }) =>
      `the worker was ended: it held ${rssMb} MiB of memory, more than maxRssMb (${maxRssMb} MiB)`,
    cause: 'Buffers, WebAssembly memory, the heap and the code of the worker together exceeded the limit.',
    next: 'Keep less in memory at a time, or raise `maxRssMb` of the session. Its namespace is lost.',
  },
  CPU_LIMIT_EXCEEDED: {
    message: ({ cpuMs, maxCpuMs, executionId }: { cpuMs: number; maxCpuMs: number; executionId?: string }) =>
      `the worker was ended: it used ${cpuMs} ms of CPU ${executionId === undefined ? 'after its last execution' : `since ${executionId} started`}, more than maxCpuMs (${maxCpuMs} ms)`,
    cause: 'A cell, or what cells left running between executions, used more CPU time than the session allows.',
    next: 'Compute less in one cell, or raise `maxCpuMs` of the session. Its namespace is lost.',
  },
})
