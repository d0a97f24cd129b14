import { availableParallelism, hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { executors, isolations, milliseconds, oneOf, wholeNumber } from '../argument-values.ts'

const defaultSessions = 100
const engines = ['restate', 'resonate'] as const

export interface WorkerHostCommand {
  readonly name: 'worker-host'
  readonly engine: (typeof engines)[number]
  readonly url?: string
  readonly adminUrl?: string
  readonly group: string
  readonly host: string
  readonly capacity: number
  readonly isolation: (typeof isolations)[number]
  readonly executor?: (typeof executors)[number]
  readonly timeoutMs?: number
  readonly drainMs: number
  readonly sessions: number
  readonly sessionIdleMs: number
  readonly groupPort?: number
  readonly groupUrl?: string
  readonly bindAddress?: string
  readonly advertisedAddress?: string
  readonly identityKeys: readonly string[]
}

const options = {
  engine: { type: 'string', default: 'restate' },
  url: { type: 'string' },
  'admin-url': { type: 'string' },
  group: { type: 'string', default: 'default' },
  name: { type: 'string' },
  capacity: { type: 'string' },
  isolation: { type: 'string', default: 'auto' },
  executor: { type: 'string' },
  timeout: { type: 'string' },
  drain: { type: 'string', default: '10000' },
  sessions: { type: 'string' },
  'session-idle': { type: 'string', default: '1800000' },
  'group-port': { type: 'string' },
  'group-url': { type: 'string' },
  bind: { type: 'string' },
  advertise: { type: 'string' },
  'identity-key': { type: 'string', multiple: true, default: [] as string[] },
} as const

/** Throws what is wrong with the command line. */
export function parseWorkerHost(args: string[]): WorkerHostCommand {
  const { values } = parseArgs({ args, options })
  const { url, executor, timeout, bind, advertise } = values
  const { 'admin-url': adminUrl, 'group-port': groupPort, 'group-url': groupUrl } = values
  const capacity = values.capacity === undefined ? availableParallelism() : wholeNumber('--capacity', values.capacity)
  return {
    name: 'worker-host',
    engine: oneOf('--engine', engines, values.engine),
    group: values.group,
    host: values.name ?? machineName(),
    capacity,
    isolation: oneOf('--isolation', isolations, values.isolation),
    drainMs: milliseconds('--drain', values.drain),
    sessions: sessionsFor(capacity, values.sessions),
    sessionIdleMs: milliseconds('--session-idle', values['session-idle']),
    identityKeys: values['identity-key'],
    ...(url !== undefined && { url }),
    ...(adminUrl !== undefined && { adminUrl }),
    ...(executor !== undefined && { executor: oneOf('--executor', executors, executor) }),
    ...(timeout !== undefined && { timeoutMs: milliseconds('--timeout', timeout) }),
    ...(groupPort !== undefined && { groupPort: wholeNumber('--group-port', groupPort) }),
    ...(groupUrl !== undefined && { groupUrl }),
    ...(bind !== undefined && { bindAddress: bind }),
    ...(advertise !== undefined && { advertisedAddress: advertise }),
  }
}

/** Each execution that runs may be in a session of its own, and a session in use cannot make room. */
function sessionsFor(capacity: number, given: string | undefined): number {
  const sessions = given === undefined ? Math.max(defaultSessions, capacity) : wholeNumber('--sessions', given)
  if (sessions < capacity) throw new Error(`--sessions ${sessions} is less than the capacity, ${capacity}`)
  return sessions
}

/** What names of hosts may hold of the machine's name. */
function machineName(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 40) || 'host'
  )
}
