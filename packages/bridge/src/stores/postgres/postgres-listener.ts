import type { Clock, Timer } from '@capsule/core'
import { backoffMs } from '../retries.ts'
import type { PostgresClient, PostgresPool } from './postgres-pool.ts'

export interface PostgresListenerParts {
  readonly pool: PostgresPool
  /** The LISTEN statement. */
  readonly listen: string
  readonly clock: Clock
  readonly onNotification: (payload: string) => void
  /** It listens from now on; what was notified before is lost. */
  readonly onListening: () => void
}

/** One connection that listens, and comes back when it is cut. It does not hold the process. */
export interface PostgresListener {
  open(): void
  close(): void
}

type State =
  | { readonly kind: 'idle' | 'connecting' | 'closed' }
  | { readonly kind: 'listening'; readonly client: PostgresClient }
  | { readonly kind: 'waiting'; readonly timer: Timer }

export function createPostgresListener(parts: PostgresListenerParts): PostgresListener {
  const { pool, listen, clock, onNotification, onListening } = parts
  let state: State = { kind: 'idle' }
  let failures = 0
  const isClosed = (): boolean => state.kind === 'closed'

  const connect = async (): Promise<void> => {
    state = { kind: 'connecting' }
    let client: PostgresClient | undefined
    try {
      client = await pool.connect()
      const lose = loseOnce(client)
      client.on('error', lose)
      client.on('end', lose)
      client.on('notification', ({ payload }: { payload?: string }) => onNotification(payload ?? ''))
      await client.query(listen)
      if (isClosed()) throw new Error('it was closed meanwhile')
      client.unref?.()
      state = { kind: 'listening', client }
      failures = 0
      onListening()
    } catch {
      client?.release(true)
      if (!isClosed()) retry()
    }
  }
  const loseOnce = (client: PostgresClient) => (): void => {
    if (state.kind !== 'listening' || state.client !== client) return
    client.release(true)
    retry()
  }
  const retry = (): void => {
    state = { kind: 'waiting', timer: clock.setTimer(backoffMs(failures), () => void connect()) }
    failures += 1
  }

  return {
    open() {
      if (state.kind === 'idle') void connect()
    },
    close() {
      const before = state
      state = { kind: 'closed' }
      if (before.kind === 'waiting') before.timer.cancel()
      if (before.kind === 'listening') before.client.release(true)
    },
  }
}
