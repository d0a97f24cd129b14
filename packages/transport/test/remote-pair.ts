import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  createChildProcessTransport,
  type Transport,
  type TransportEnd,
  type TransportReceiver,
} from '@capsule/transport'
import type { TransportPair } from '@capsule/transport/testing'

/** A child-process transport whose child runs `remote-peer.ts`, and a handle on the transport inside that child. */
export async function createRemotePair(write: 'async' | 'blocking'): Promise<TransportPair> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-transport-'))
  const path = join(folder, 'control')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const left = createChildProcessTransport<object>({
    command: process.execPath,
    args: ['--conditions=@capsule/source', '--no-warnings', `${import.meta.dirname}/fixtures/remote-peer.ts`],
    env: { ...marker(), CONTROL: path, WRITE: write },
    cwd: folder,
  })
  const [control] = (await once(server, 'connection')) as [Socket]
  server.close()
  const remote = new RemoteTransport(control)
  return {
    left,
    right: remote,
    sync: () => remote.sync(),
    writeRaw: (bytes) => remote.tell({ do: 'raw', base64: Buffer.from(bytes).toString('base64') }),
    async dispose() {
      control.destroy()
      await left[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Lets the check for processes left behind find what a test starts. */
export function marker(): Record<string, string> {
  const run = process.env['CAPSULE_TEST_RUN']
  return run === undefined ? {} : { CAPSULE_TEST_RUN: run }
}

type RemoteEvent = { message: unknown } | { end: TransportEnd } | { synced: number }

class RemoteTransport implements Transport<object> {
  readonly kind = 'remote'
  readonly counters = {
    sentFrames: 0,
    sentBytes: 0,
    sentBulkFrames: 0,
    sentBulkBytes: 0,
    receivedFrames: 0,
    receivedBytes: 0,
  }
  readonly #control: Socket
  readonly #syncs: (() => void)[] = []
  #receiver: TransportReceiver | undefined

  constructor(control: Socket) {
    this.#control = control
    control.on('error', () => {})
    createInterface({ input: control }).on('line', (line) => this.#hear(JSON.parse(line) as RemoteEvent))
  }

  tell(command: object): void {
    this.#control.write(`${JSON.stringify(command)}\n`)
  }
  sync(): Promise<void> {
    return new Promise((resolve) => this.tell({ do: 'sync', id: this.#syncs.push(resolve) - 1 }))
  }
  start(receiver: TransportReceiver): void {
    this.#receiver = receiver
    this.tell({ do: 'start' })
  }
  send(message: object): boolean {
    this.tell({ do: 'send', message })
    return true
  }
  drained(): Promise<void> {
    return Promise.resolve()
  }
  pause(): void {
    this.tell({ do: 'pause' })
  }
  resume(): void {
    this.tell({ do: 'resume' })
  }
  agree(agreement: object): void {
    this.tell({ do: 'agree', agreement })
  }
  async close({ discard = false }: { discard?: boolean } = {}): Promise<void> {
    this.tell({ do: 'close', discard })
    await this.sync()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #hear(event: RemoteEvent): void {
    if ('message' in event) this.#receiver?.message(event.message, 0)
    else if ('end' in event) this.#receiver?.end(event.end)
    else this.#syncs[event.synced]?.()
  }
}
