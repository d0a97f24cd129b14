/** A burst of 200 jobs over 4 warm sessions, some of which are killed on the way; then the pool's own account. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule({ pool: { minIdle: 2, maxSessions: 4, reset: 'namespace' } })
const { pool } = capsule
const jobs = Array.from({ length: 200 }, (_, job) => job)
const isDoomed = (job: number): boolean => job % 20 === 0
let repairs = 0
const repaired = Promise.withResolvers<void>()
pool.events.on('crashed', ({ phase, exit }) =>
  console.log(`a worker died while ${phase} (${exit.signal ?? exit.code})`),
)
pool.events.on('repaired', () => {
  if (++repairs === jobs.filter(isDoomed).length) repaired.resolve()
})
await pool.warmUp()

/** Every 20th job has its worker killed half-way, and is tried again. */
async function answer(job: number, isKilled = isDoomed(job)): Promise<number> {
  const code = isKilled
    ? 'console.log("half-way"); await new Promise(() => {})'
    : `let sum = 0; for (let i = 0; i <= ${job}; i++) sum += i; sum`
  const outcome = await pool.use(async (session) => {
    const execution = session.execute(code)
    for await (const event of execution) {
      const { worker } = session.info()
      if (event.type === 'output' && worker !== undefined) process.kill(worker.pid, 'SIGKILL')
    }
    return execution.outcome
  })
  return outcome.status === 'crashed' ? answer(job, false) : (outcome.value as number)
}

const answers = await Promise.all(jobs.map((job) => answer(job)))
await repaired.promise
const wrong = jobs.filter((job) => answers[job] !== (job * (job + 1)) / 2)
console.log(`${answers.length} jobs done, ${wrong.length} wrong answers`)

const { acquisitions, leases, starts, resets, crashes, recycles, sessions, breaker } = pool.info()
const reasons = Object.entries(recycles.byReason).filter(([, count]) => count > 0)
const { latency } = acquisitions
console.log(`leases     ${leases.acquired} given, ${leases.released} given back, ${leases.active} out`)
console.log(
  `acquire    ${acquisitions.hits} at once, ${acquisitions.waits.served} after waiting (median ${latency.p50Ms.toFixed(1)} ms)`,
)
console.log(`sessions   ${starts.succeeded} started, ${sessions.highWater} at once at the most, ${resets.done} resets`)
console.log(
  `crashes    ${crashes.leased} in use, ${crashes.idle} idle, ${crashes.resetting} in a reset; ${repairs} repaired`,
)
console.log(`recycled   ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none'}`)
console.log(`breaker    ${breaker.state}, opened ${breaker.opened} times`)
