import { type Capsule, type CapsuleSessionOptions, createCapsule, tokens } from '@capsule/host'
import type { RunResult, Session } from '@capsule/session'
import { workerMarker } from '../worker-marker.ts'
import { armWorkers } from './armed-worker.ts'
import type { Attack, CellAttack, EscapeLevel, OpenSession, Shot, Verdict } from './attack.ts'
import { bareOsDrivers } from './bare-driver.ts'
import { cellOf } from './cell-prelude.ts'
import { createStage, type Stage } from './stage.ts'

/** `plain`: as Capsule gives them. `armed`: cells have Node's modules, at any level. */
type Arms = 'plain' | 'armed'

/** One level, with all that is attacked. */
export interface EscapeLab extends AsyncDisposable {
  readonly level: EscapeLevel
  /** Whether the level is one at which cells never have modules. */
  readonly isConfined: boolean
  readonly stage: Stage
  /** What the latest cells said, for whoever wonders why. */
  readonly told: string
  verdictOf(attack: Attack): Promise<Verdict>
  /** Runs the control of an attack that has one of its own. */
  controlOf(attack: Attack): Promise<boolean>
  /** Sessions whose cells have modules, for as long as `use` runs. */
  withSessions<T>(use: (open: OpenSession) => Promise<T>): Promise<T>
  withSession<T>(options: CapsuleSessionOptions, use: (session: Session) => Promise<T>): Promise<T>
}

/** The host's own environment has it while a lab is open. */
export const hostSecretName = 'CAPSULE_ESCAPE_SECRET'
const cellTimeoutMs = 8000

export async function openLab(level: EscapeLevel): Promise<EscapeLab> {
  const stage = await createStage()
  process.env[hostSecretName] = stage.secret
  return new Lab(level, stage)
}

class Lab implements EscapeLab {
  readonly level: EscapeLevel
  readonly isConfined: boolean
  readonly stage: Stage
  told = ''
  readonly #capsules = new Map<Arms, Promise<Capsule>>()
  readonly #shared = new Map<Arms, Promise<Session>>()

  constructor(level: EscapeLevel, stage: Stage) {
    this.level = level
    this.isConfined = level !== 'none' && level !== 'process'
    this.stage = stage
  }

  async verdictOf(attack: Attack): Promise<Verdict> {
    this.told = ''
    if ('drive' in attack) {
      const isThrough = await this.withSessions((open) => attack.drive(this.#shot(), open))
      return isThrough ? 'open' : 'stopped'
    }
    if (!this.isConfined) return (await this.#succeeds(attack, 'armed')) ? 'open' : 'stopped'
    if (await this.#succeeds(attack, 'plain')) return 'open'
    return (await this.#succeeds(attack, 'armed')) ? 'hygiene' : 'stopped'
  }

  controlOf({ control }: Attack): Promise<boolean> {
    if (typeof control === 'string') throw new TypeError('its control is a level')
    return control(this.#shot())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const capsule of this.#capsules.values()) await (await capsule).shutdown()
    } finally {
      Reflect.deleteProperty(process.env, hostSecretName)
      await this.stage[Symbol.asyncDispose]()
    }
  }

  #shot(): Shot {
    return { lab: this, path: this.stage.newPath() }
  }

  withSession<T>(options: CapsuleSessionOptions, use: (session: Session) => Promise<T>): Promise<T> {
    return this.withSessions(async (open) => use(await open(options)))
  }

  async withSessions<T>(use: (open: OpenSession) => Promise<T>): Promise<T> {
    const opened: Session[] = []
    try {
      return await use(async (options) => {
        const session = await this.#open('armed', options)
        opened.push(session)
        return session
      })
    } finally {
      for (const session of opened) await session.shutdown({ graceMs: 0 })
    }
  }

  async #succeeds(attack: CellAttack, arms: Arms): Promise<boolean> {
    const isAlone = attack.alone === true || attack.session !== undefined
    const session = isAlone ? await this.#open(arms, attack.session?.(this)) : await this.#sharedSession(arms)
    const shot = this.#shot()
    try {
      const run = await session.run(cellOf(attack.cell(shot)), { timeoutMs: cellTimeoutMs, graceMs: 200 })
      const { status, error, text } = run.outcome
      this.told += `${arms}: ${status} ${error?.message ?? text}\n`
      return await (attack.evidence?.(shot, run) ?? hasReturnedTrue(run))
    } finally {
      if (isAlone) await session.shutdown({ graceMs: 0 })
    }
  }

  #sharedSession(arms: Arms): Promise<Session> {
    const session = this.#shared.get(arms) ?? this.#open(arms)
    this.#shared.set(arms, session)
    return session
  }

  async #open(arms: Arms, options: CapsuleSessionOptions = {}): Promise<Session> {
    const capsule = this.#capsules.get(arms) ?? this.#createCapsule(arms)
    this.#capsules.set(arms, capsule)
    return (await capsule).createSession({
      env: workerMarker(),
      // where attacks write
      ...(this.level === 'none' && { cwd: this.stage.openDirectory }),
      ...options,
    })
  }

  #createCapsule(arms: Arms): Promise<Capsule> {
    const { level } = this
    if (level === 'none' || level === 'process') {
      return createCapsule({ isolation: level, session: { modules: arms === 'armed' } })
    }
    return createCapsule({
      isolation: level === 'os-alone' ? 'os' : level,
      parts(container) {
        if (arms === 'armed') armWorkers(container)
        if (level === 'os-alone') container.provide(tokens.drivers, bareOsDrivers)
      },
    })
  }
}

export const hasReturnedTrue = ({ outcome }: RunResult): boolean => outcome.status === 'ok' && outcome.value === true
