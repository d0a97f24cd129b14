import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { HostMessage } from '@capsule/protocol'
import type { TransportReceiver } from '@capsule/transport'
import type { HostLink } from './remote-worker.ts'

/** Both ends of a memory transport and the async worker between them, in a child process that only relays messages. */
export function forkMemoryWorker(): HostLink {
  const child = fork(new URL('./fixtures/memory-worker.ts', import.meta.url), {
    serialization: 'advanced',
    execArgv: ['--conditions=@capsule/source', '--disable-warning=ExperimentalWarning'],
    env: {},
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  return {
    send: (message: HostMessage) => child.send(message),
    start(receiver: TransportReceiver) {
      child.on('message', (message) => receiver.message(message, 0))
      void exited.then(() => receiver.end({ reason: 'eof' }))
    },
    // the memory transport's host end is in the child, and agrees there
    agree: () => {},
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
