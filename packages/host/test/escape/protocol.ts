import { policies } from '@capsule/host'
import type { PolicyDefinition } from '@capsule/capabilities'
import { waitFor } from '@capsule/testing'
import { type DrivenAttack, openEverywhere, type OpenSession, stoppedEverywhere } from './attack.ts'
import { createTools, marksOnly } from './called-tools.ts'
import { alsoIn } from './control.ts'
import { callAttacks, served } from './forged-calls.ts'
import { encodedArguments, forgedResult, forging, framesOf, nextExecutionId } from './forged-frames.ts'
import { malformedFrames } from './malformed-frames.ts'

const timeoutMs = 5000

/** Asks for input by a message of its own; whether the host's program is asked. */
async function forgedQuestion(open: OpenSession, policy: PolicyDefinition): Promise<boolean> {
  const { provider } = createTools()
  const session = await open({ capabilities: [provider], policy })
  const executionId = await nextExecutionId(session)
  const question = { type: 'input-request', executionId, inputId: 'forged-1', prompt: 'password?' }
  const execution = session.execute(`${forging(framesOf(session, [question]))}; await null; 1`, { timeoutMs })
  let isAsked = false
  for await (const event of execution) isAsked ||= event.type === 'input-request'
  return isAsked
}

/** Cancels a call of `victim` from a cell of `attacker`; whether the call is aborted. */
async function foreignCancel(open: OpenSession, isOwn: boolean): Promise<boolean> {
  const { provider, waiting } = createTools()
  let callId = ''
  const received = ({ type, capability, callId: id }: Readonly<Record<string, unknown>>): void => {
    if (type === 'capability-request' && capability === 'tools.wait') callId = String(id)
  }
  const victim = await open({
    capabilities: [provider],
    maxConcurrentExecutions: 2,
    interceptors: [{ name: 'calls', received }],
  })
  const attacker = isOwn ? victim : await open({ capabilities: [createTools().provider] })
  const execution = victim.execute('await caps.tools.wait({})')
  const signal = await waitFor(waiting)
  const forged = { type: 'capability-cancel', executionId: execution.executionId, callId }
  await attacker.run(forging(framesOf(attacker, [forged])) + served, { timeoutMs })
  const isAborted = signal.aborted
  await execution.cancel({ graceMs: 100 })
  return isAborted
}

const messageAttacks: readonly DrivenAttack[] = [
  {
    id: 'protocol/own-result',
    title: 'forges the result of its own execution',
    expected: openEverywhere,
    control: 'process',
    async drive(_, open) {
      const session = await open()
      const forged = forgedResult(await nextExecutionId(session))
      const { outcome } = await session.run(`${forging(framesOf(session, [forged]))} 'own'`, { timeoutMs })
      return outcome.text === "'forged'"
    },
    note: 'What a cell says of itself is as true as what it prints. Cells of one session are one party.',
  },
  {
    id: 'protocol/own-figures',
    title: 'forges the memory figures that session.info() shows',
    expected: openEverywhere,
    control: 'process',
    async drive(_, open) {
      const session = await open()
      const heartbeat = {
        type: 'heartbeat',
        sequence: 1,
        uptimeMs: 1,
        rssBytes: 7,
        heapUsedBytes: 7,
        cpuMs: 7,
        eventLoopDelayMs: 0,
        bindings: 0,
      }
      let isShown = false
      session.events.on('heartbeat', ({ rssBytes }) => (isShown ||= rssBytes === 7))
      await session.run(`${forging(framesOf(session, [heartbeat]))} 1`, { timeoutMs })
      return isShown
    },
    note: 'The watchdog asks the kernel, not the worker.',
  },
  {
    id: 'protocol/result-of-other-session',
    title: 'settles an execution of another session',
    expected: stoppedEverywhere,
    control: alsoIn(async (open, shot) => {
      const [own] = messageAttacks
      return own?.drive(shot, open) ?? false
    }),
    async drive(_, open) {
      const [attacker, victim] = [await open(), await open()]
      const execution = victim.execute('await new Promise(() => {})')
      await attacker.run(`${forging(framesOf(attacker, [forgedResult(execution.executionId)]))} 1`, { timeoutMs })
      const outcome = await execution.cancel({ graceMs: 100 })
      return outcome.status !== 'cancelled' || attacker.info().counters.invalidMessages !== 1
    },
  },
  {
    id: 'protocol/output-of-other-session',
    title: 'prints in the name of an execution of another session',
    expected: stoppedEverywhere,
    control: alsoIn(async (open) => {
      const session = await open()
      const message = { type: 'output', executionId: await nextExecutionId(session), stream: 'stdout', text: 'forged' }
      return (await session.run(`${forging(framesOf(session, [message]))} 1`, { timeoutMs })).stdout === 'forged'
    }),
    async drive(_, open) {
      const [attacker, victim] = [await open(), await open()]
      const execution = victim.execute('await input(); 1')
      let isPrinted = false
      for await (const event of execution) {
        isPrinted ||= event.type === 'output'
        if (event.type !== 'input-request') continue
        const message = { type: 'output', executionId: execution.executionId, stream: 'stdout', text: 'forged' }
        await attacker.run(`${forging(framesOf(attacker, [message]))} 1`, { timeoutMs })
        await execution.respond(event.inputId, '')
      }
      return isPrinted
    },
  },
  {
    id: 'protocol/value-with-prototype',
    title: 'changes Object.prototype of the host by a value with the key __proto__',
    expected: stoppedEverywhere,
    control: alsoIn(async (open) => {
      const { outcome } = await (await open()).run('JSON.parse(`{"__proto__": {"escaped": true}}`)')
      return Object.hasOwn(outcome.value as object, '__proto__')
    }),
    async drive(_, open) {
      const session = await open()
      const value = encodedArguments(
        JSON.parse('{"__proto__": {"escaped": true}, "constructor": {"prototype": {"escaped": true}}}'),
      )
      const forged = forgedResult(await nextExecutionId(session), { value, ['__proto__']: { escaped: true } })
      const { outcome } = await session.run(`${forging(framesOf(session, [forged]))} 1`, { timeoutMs })
      return 'escaped' in {} || 'escaped' in outcome
    },
  },
  {
    id: 'protocol/second-ready',
    title: 'says that it is another worker, by a second ready message',
    expected: stoppedEverywhere,
    control: alsoIn(async (open) => (await open()).info().worker?.nodeVersion === process.version),
    async drive(_, open) {
      const session = await open()
      const { worker } = session.info()
      const ready = {
        type: 'ready',
        ...worker,
        limits: { frameBytes: 2 ** 31, depth: 1e6 },
        nodeVersion: 'v0.0.0',
        pid: 1,
      }
      await session.run(`${forging(framesOf(session, [ready]))} 1`, { timeoutMs })
      return session.info().worker?.nodeVersion !== process.version
    },
  },
  {
    id: 'protocol/cancel-of-other-session',
    title: 'cancels a call of another session',
    expected: stoppedEverywhere,
    control: alsoIn((open) => foreignCancel(open, true)),
    drive: (_, open) => foreignCancel(open, false),
  },
  {
    id: 'protocol/question-not-granted',
    title: 'asks the person for a password where asking is not granted',
    expected: stoppedEverywhere,
    control: alsoIn((open) =>
      forgedQuestion(open, marksOnly.extend({ name: 'asking', rules: policies.restricted.rules })),
    ),
    drive: (_, open) => forgedQuestion(open, marksOnly),
  },
  {
    id: 'protocol/stream-flood',
    title: 'opens 500 channels',
    expected: stoppedEverywhere,
    control: alsoIn(async (open) => (await openedStreams(open, 3)) === 3),
    drive: async (_, open) => (await openedStreams(open, 500)) > 64,
  },
]

export const protocolAttacks: readonly DrivenAttack[] = [...messageAttacks, ...callAttacks, ...malformedFrames]

async function openedStreams(open: OpenSession, count: number): Promise<number> {
  const session = await open()
  const messages = Array.from({ length: count }, (_, index) => ({
    type: 'stream-open',
    streamId: `c${index + 1}`,
    name: `forged-${index}`,
    windowBytes: 1,
  }))
  let most = 0
  session.events.on('state', () => (most = Math.max(most, session.info().streams.open)))
  await session.run(`${forging(framesOf(session, messages))} 1`, { timeoutMs })
  return Math.max(most, session.info().streams.open)
}
