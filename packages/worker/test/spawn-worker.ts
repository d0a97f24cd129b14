import type { HostMessage } from '@capsule/protocol'
import { createChildProcessTransport, type ProcessTransport } from '@capsule/transport'
import { type WorkerArgvOptions, workerArgv } from '@capsule/worker'

/** A real worker process, as a host starts it. */
export function spawnWorker(options: WorkerArgvOptions): ProcessTransport<HostMessage> {
  return createChildProcessTransport<HostMessage>({
    command: process.execPath,
    args: workerArgv(options),
    env: {},
    cwd: import.meta.dirname,
  })
}
