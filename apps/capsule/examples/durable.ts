/** A host is killed in the middle of a cell and the next one finishes: what was answered or paid is not asked or paid again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCapsule, createSqliteStore } from '@capsule/host'
import { defineProvider } from '@capsule/provider-sdk'
import * as z from 'zod'

const code = `
console.log('attempt ' + process.env.CAPSULE_DURABLE_ATTEMPT + ' begins')
const who = await input('Pay whom? ')
const receipt = await caps.bank.pay(who, { idempotencyKey: 'rent' })
const sure = await input('Archive the receipt? ')
;[receipt, sure].join(', ')`

const [name, folder = ''] = process.argv.slice(2)
if (name === undefined) await runHosts()
else await host(name)

/** It does not know whether it is the first. */
async function host(who: string): Promise<void> {
  const say = (text: string): void => console.log(`  ${who}: ${text}`)
  await using store = await createSqliteStore({ path: join(folder, 'promises.db') })
  await using capsule = await createCapsule({ durable: { store } })
  const pay = {
    summary: 'Pays.',
    input: z.strictObject({ to: z.string() }),
    output: z.string(),
    positional: ['to'] as const,
    async handler({ to }: { to: string }): Promise<string> {
      say(`the bank is told to pay ${to}`)
      return `paid ${to}`
    },
  }
  const bank = defineProvider({ name: 'bank', specificationVersion: 'v1', capabilities: { pay } })
  const { outcome, attempt } = await capsule.durable.execute({
    id: 'rent-of-may',
    code,
    session: { capabilities: [bank] },
    onEvent: (event) => void (event.type === 'output' && say(event.text.trimEnd())),
    onInput(prompt, { n }) {
      say(`question ${n}: ${prompt}`)
      if (n === 2 && who === 'host 1') process.kill(process.pid, 'SIGKILL')
      return n === 1 ? 'Ada' : 'yes'
    },
  })
  say(`${outcome.status}: ${outcome.text}, by attempt ${attempt}`)
  const again = await capsule.durable.execute({ id: 'rent-of-may', code })
  say(`the same id again: ${again.outcome.text}, ${again.replayed ? 'from the record' : 'run again'}`)
}

/** One after the other, on one store. */
async function runHosts(): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'capsule-durable-'))
  for (const each of ['host 1', 'host 2']) {
    const args = [...process.execArgv, import.meta.filename, each, path]
    const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, TMPDIR: path } })
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, string | null]
    console.log(`${each} ended: ${signal ?? `exit code ${exitCode}`}`)
  }
  await rm(path, { recursive: true })
}
