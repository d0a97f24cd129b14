/** Checkpoint, crash, restore, rollback and fork: what becomes of a session's state, with the reports. */
import { createCapsule } from '@capsule/host'
import type { Session } from '@capsule/session'

await using capsule = await createCapsule()
await using session = await capsule.createSession({ checkpoints: { recover: true } })
const evaluate = async (code: string, where: Session = session): Promise<string | undefined> =>
  (await where.run(code)).outcome.text

console.log('— a namespace')
await session.run(`
class Account { constructor(owner) { this.owner = owner; this.entries = [] } get balance() { return this.entries.reduce((a, b) => a + b, 0) } }
const ada = new Account('Ada'), accounts = new Map([['ada', ada]])
function deposit(name, amount) { accounts.get(name).entries.push(amount); return accounts.get(name).balance }
const timer = setInterval(() => {}, 1000), nextId = (() => { let id = 0; return () => ++id })()
deposit('ada', 100)`)
console.log(`  balance ${await evaluate('ada.balance')}`)

console.log('— checkpoint: every binding is in the report')
const checkpoint = await session.checkpoint({ name: 'payday' })
printReport(checkpoint.report)
console.log(`  ${checkpoint.bytes.length} bytes, cell ${checkpoint.cell}`)

console.log('— crash: the worker is killed, and its successor starts from the checkpoint')
const { outcome } = await session.run(`deposit('ada', 1); process.kill(process.pid, 'SIGKILL'); for (;;) {}`)
console.log(
  `  ${outcome.status}, state ${outcome.state} to ${outcome.checkpointId === checkpoint.id ? "'payday'" : 'none'}`,
)
console.log(
  `  balance ${await evaluate('ada.balance')}, ada is an Account: ${await evaluate('ada instanceof Account')}`,
)

console.log('— rollback: a failing cell leaves no trace, but for what nobody can see')
const failing = `deposit('ada', -500); const audit = []; nextId(); throw new Error('overdrawn')`
await session.run('const nextId = (() => { let id = 0; return () => ++id })()')
const tried = await session.run(failing, { transaction: 'rollback-on-failure' })
console.log(`  ${tried.outcome.status} (${tried.outcome.error?.message}), state ${tried.outcome.state}`)
printReport(tried.outcome.transaction?.report ?? [])
console.log(`  balance ${await evaluate('ada.balance')}, audit is ${await evaluate('typeof audit')}`)

console.log('— fork: two sessions go on from here')
await using fork = await session.fork()
console.log(`  fork ${await evaluate(`deposit('ada', 7)`, fork)}, original ${await evaluate(`deposit('ada', 70)`)}`)

console.log('— time travel: back to the checkpoint, by the history')
for (const { cell, status, state, checkpointId } of session.history()) {
  console.log(`  cell ${cell ?? '-'} ${status}, ${state}${checkpointId === undefined ? '' : ', kept in a checkpoint'}`)
}
const { mode, report } = await session.restore(checkpoint.id)
console.log(`  restored (${mode}) ${report.length} bindings, balance ${await evaluate('ada.balance')}`)

function printReport(entries: typeof checkpoint.report): void {
  for (const { name, status, reason, detail } of entries) {
    const why = reason === undefined ? '' : ` (${reason}: ${detail})`
    console.log(`  ${name.padEnd(9)} ${status}${why}`)
  }
}
