import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuditSink,
  type CapabilityProvider,
  type Capsule,
  type CapsuleSessionOptions,
  createCapsule,
} from '@capsule/host'
import { files } from '@capsule/providers-files'
import { http } from '@capsule/providers-http'
import { argv, literal, pattern, shell } from '@capsule/providers-shell'
import { system } from '@capsule/providers-system'
import { createRecorder, type Recorder } from '@capsule/testing'
import { onTestFinished } from 'vitest'
import { largeBytes, type ProviderSite, startProviderSite } from './provider-site.ts'
import { workerMarker } from './worker-marker.ts'

export const setups = [
  { isolation: 'process', executor: 'threaded' },
  { isolation: 'process', executor: 'async' },
  { isolation: 'os', executor: 'threaded' },
  { isolation: 'os', executor: 'async' },
] as const
export type Setup = (typeof setups)[number]

/** What cells must never see. */
export const secret = 'sesame-0123456789'

export interface ProviderLab {
  /** Holds `data/a.txt`, and what cells write into `data`; whatever is beside `data` is out of their reach. */
  readonly folder: string
  readonly site: ProviderSite
  /** Answers as a service of the host's that nobody has granted. */
  readonly neighbour: ProviderSite
  /** New ones each time: a session disposes those that it is given. */
  readonly createProviders: () => CapabilityProvider[]
  readonly capsule: Capsule
  readonly openSession: (options?: CapsuleSessionOptions) => Promise<LabSession>
}

export interface LabSession {
  readonly session: Awaited<ReturnType<Capsule['createSession']>>
  /** Of the last expression; what the cell throws is thrown. */
  readonly value: (code: string) => Promise<unknown>
  /** Of the error that the expression rejects with. */
  readonly codeOf: (expression: string) => Promise<unknown>
}

/** All four providers, with something at the other end of each. */
export async function openProviderLab({ isolation, executor }: Setup, audit?: AuditSink): Promise<ProviderLab> {
  const folder = mkdtempSync(join(tmpdir(), 'capsule-providers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'data/a.txt'), 'hello')
  writeFileSync(join(folder, 'outside.txt'), secret)
  const neighbour = await startProviderSite({ elsewhere: 'localhost' })
  const site = await startProviderSite({ elsewhere: neighbour.origin })
  const capsule = await createCapsule({ isolation, executor, ...(audit === undefined ? {} : { audit }) })
  onTestFinished(async () => {
    await capsule.shutdown()
    await Promise.all([site[Symbol.asyncDispose](), neighbour[Symbol.asyncDispose]()])
  })
  const createProviders = (): CapabilityProvider[] => providersOf(folder, site.origin)
  return {
    folder,
    site,
    neighbour,
    createProviders,
    capsule,
    async openSession(options = {}) {
      const env = isolation === 'process' ? workerMarker() : {}
      const session = await capsule.createSession({ capabilities: createProviders(), env, ...options })
      const value = async (code: string): Promise<unknown> => {
        const { outcome } = await session.run(code, { timeoutMs: 30_000 })
        if (outcome.status === 'ok') return outcome.value
        const { code: told, message } = outcome.error ?? {}
        throw new Error(`${outcome.status}: ${told ?? ''} ${message ?? ''}`)
      }
      return {
        session,
        value,
        codeOf: (expression) =>
          value(`await (async () => ${expression})().then(() => 'no error', (error) => error.code ?? error.name)`),
      }
    },
  }
}

function providersOf(folder: string, origin: string): CapabilityProvider[] {
  return [
    files({
      roots: { data: { path: join(folder, 'data'), mode: 'rw' } },
      maxOpenStreams: 2,
      maxWriteBytes: largeBytes,
    }),
    http({
      allow: [],
      allowPrivate: [origin],
      methods: ['GET', 'HEAD', 'POST'],
      maxRequestBytes: largeBytes,
      maxResponseBytes: largeBytes,
      secretHeaders: { [`http://${origin}`]: { authorization: `Bearer ${secret}` } },
    }),
    shell({
      commands: {
        echo: { path: '/bin/echo' },
        cat: { path: '/bin/cat', args: argv([]), maxInputBytes: largeBytes, maxOutputBytes: largeBytes },
        yes: { path: '/usr/bin/yes', args: argv([]) },
        tree: { path: '/bin/sh', args: argv([literal('-c'), literal(hidingTree), literal('tree'), pattern(/\/.*/)]) },
      },
    }),
    system({ clock: true, random: true, environment: { STAGE: 'test' }, process: true }),
  ]
}

/** Its second process has left its parents, its group, its session and its pipes; all of them hold the FIFO `$1` open. */
const hidingTree = `exec 3>"$1"
(setsid sh -c '(setsid sh -c "echo hidden >&3; exec sleep 600" &)' </dev/null >/dev/null 2>&1 &)
echo main >&3
echo up
exec sleep 600`

/** The call that starts the tree, for cells. */
export const treeCall = (name: 'run' | 'start', fifo: string): string =>
  `caps.shell.${name}('tree', ${JSON.stringify(['-c', hidingTree, 'tree', fifo])})`

export interface WatchedTree {
  readonly fifo: string
  /** `main`, `hidden`; and `gone` when no process is left: the kernel closes what a process held, however it ends. */
  readonly signs: Recorder<string>
}

export function watchTree(folder: string, name = 'tree'): WatchedTree {
  const fifo = join(folder, name)
  spawnSync('mkfifo', ['-m', '666', fifo])
  const signs = createRecorder<string>()
  const stream = createReadStream(fifo, 'utf8')
  stream.on('data', (text) => {
    for (const line of String(text).trim().split('\n')) signs.record(line)
  })
  stream.on('close', () => signs.record('gone'))
  onTestFinished(() => void stream.destroy())
  return { fifo, signs }
}
