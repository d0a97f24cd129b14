import { policies } from '@capsule/host'
import type { PolicyDefinition } from '@capsule/capabilities'
import type { Session } from '@capsule/session'
import { waitFor } from '@capsule/testing'
import { type DrivenAttack, openEverywhere, type OpenSession, type Shot, stoppedEverywhere } from './attack.ts'
import { createTools, guardedOnce, marksOnly } from './called-tools.ts'
import { encodedArguments, forgedCall, forgedResult, forging, framesOf, nextExecutionId } from './forged-frames.ts'

/** Everything that was written before is served when these have come back. */
const served = '; await caps.tools.mark({}); await caps.tools.mark({}); 1'
const timeoutMs = 5000

/** As a control: the same, in a session of its own. */
const alsoIn =
  (run: (open: OpenSession, shot: Shot) => Promise<boolean>) =>
  (shot: Shot): Promise<boolean> =>
    shot.lab.withSessions((open) => run(open, shot))

/** How many calls of `tools.guarded` get through when the cell writes these messages. */
async function guardedCalls(
  open: OpenSession,
  policy: PolicyDefinition | undefined,
  messagesOf: (executionId: string) => readonly object[],
): Promise<number> {
  const { provider, guarded } = createTools()
  const session = await open({ capabilities: [provider], ...(policy !== undefined && { policy }) })
  const messages = messagesOf(await nextExecutionId(session))
  await session.run(forging(framesOf(session, messages)) + served, { timeoutMs })
  return guarded.length
}

const granted = alsoIn(
  async (open) => (await guardedCalls(open, undefined, (id) => [forgedCall(id, 'tools.guarded')])) === 1,
)
const grantedTwice = alsoIn(
  async (open) =>
    (await guardedCalls(open, undefined, (id) => [
      forgedCall(id, 'tools.guarded'),
      forgedCall(id, 'tools.guarded'),
    ])) === 2,
)

const isUsable = async (session: Session): Promise<boolean> =>
  (await session.run('6 * 7', { timeoutMs })).outcome.value === 42

/** Bytes that the host must survive: its memory does not grow by much, and the session goes on with another worker. */
const survived = (id: string, title: string, bytes: () => Uint8Array): DrivenAttack => ({
  id: `protocol/${id}`,
  title,
  expected: stoppedEverywhere,
  // the host has read them: it ended the worker
  control: alsoIn(async (open) => {
    const session = await open()
    const { outcome } = await session.run(`${forging(bytes())}; await new Promise(() => {})`, { timeoutMs })
    return outcome.status === 'crashed' && outcome.error?.code === 'WORKER_VIOLATED_PROTOCOL'
  }),
  async drive(_, open) {
    const session = await open()
    const before = process.memoryUsage.rss()
    await session.run(`${forging(bytes())}; await new Promise(() => {})`, { timeoutMs })
    const grownMb = (process.memoryUsage.rss() - before) / 1024 / 1024
    return grownMb > 150 || !(await isUsable(session))
  },
})

/** A frame around what no codec would write. */
function framed(payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(payload.length)
  return Buffer.concat([header, payload])
}

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

export const protocolAttacks: readonly DrivenAttack[] = [
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
      const [own] = protocolAttacks
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
    id: 'protocol/call-not-granted',
    title: 'calls a capability that is not granted, by a forged request',
    expected: stoppedEverywhere,
    control: granted,
    drive: async (_, open) => (await guardedCalls(open, marksOnly, (id) => [forgedCall(id, 'tools.guarded')])) > 0,
  },
  {
    id: 'protocol/call-unknown',
    title: 'calls by names that no provider has: prototypes, constructors, the empty name',
    expected: stoppedEverywhere,
    control: granted,
    async drive(_, open) {
      const names = [
        'tools.constructor',
        'constructor.constructor',
        '__proto__.guarded',
        'tools.__proto__',
        'tools',
        '',
      ]
      const session = await open({ capabilities: [createTools().provider] })
      const executionId = await nextExecutionId(session)
      const frames = framesOf(
        session,
        names.map((name) => forgedCall(executionId, name)),
      )
      const { outcome } = await session.run(forging(frames) + served, { timeoutMs })
      return outcome.status !== 'ok' || !(await isUsable(session))
    },
  },
  {
    id: 'protocol/call-of-other-execution',
    title: 'calls in the name of an execution of another session, which may',
    expected: stoppedEverywhere,
    control: granted,
    async drive(_, open) {
      const { provider, guarded } = createTools()
      const victim = await open({ capabilities: [provider] })
      const attacker = await open({ capabilities: [provider], policy: marksOnly })
      const execution = victim.execute('await new Promise(() => {})')
      const frames = framesOf(attacker, [forgedCall(execution.executionId, 'tools.guarded')])
      await attacker.run(forging(frames) + served, { timeoutMs })
      await execution.cancel({ graceMs: 100 })
      return guarded.length > 0
    },
  },
  {
    id: 'protocol/call-of-settled-execution',
    title: 'calls in the name of an execution that is over',
    expected: stoppedEverywhere,
    control: granted,
    drive: async (_, open) =>
      (await guardedCalls(open, undefined, (id) => [
        forgedCall(
          id.replace(/\d+$/, (number) => String(Number(number) - 1)),
          'tools.guarded',
        ),
      ])) > 0,
  },
  {
    id: 'protocol/call-over-budget',
    title: 'calls more often than its budget allows, by forged requests',
    expected: stoppedEverywhere,
    control: grantedTwice,
    drive: async (_, open) =>
      (await guardedCalls(open, guardedOnce, (id) =>
        Array.from({ length: 5 }, () => forgedCall(id, 'tools.guarded')),
      )) > 1,
  },
  {
    id: 'protocol/call-replayed',
    title: 'has one call served twice by the same call id',
    expected: stoppedEverywhere,
    control: grantedTwice,
    drive: async (_, open) =>
      (await guardedCalls(open, undefined, (id) => {
        const call = forgedCall(id, 'tools.guarded')
        return [call, call]
      })) > 1,
  },
  {
    id: 'protocol/call-oversized',
    title: 'calls with arguments larger than the capability takes',
    expected: stoppedEverywhere,
    control: granted,
    drive: async (_, open) =>
      (await guardedCalls(open, undefined, (id) => [
        forgedCall(id, 'tools.guarded', { args: encodedArguments('x'.repeat(50_000)) }),
      ])) > 0,
  },
  {
    id: 'protocol/call-malformed',
    title: 'calls with arguments that are no encoded value, of another type, or of another shape',
    expected: stoppedEverywhere,
    control: granted,
    drive: async (_, open) =>
      (await guardedCalls(open, undefined, (id) => [
        forgedCall(id, 'tools.guarded', { args: new Uint8Array([0xc1, 0xff, 0xff]) }),
        forgedCall(id, 'tools.guarded', { args: encodedArguments(5) }),
        forgedCall(id, 'tools.guarded', { args: encodedArguments({ value: 'x', toString: 'y' }) }),
        forgedCall(id, 'tools.guarded', { args: encodedArguments() }),
      ])) > 0,
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
  survived('garbage', 'writes bytes that are no frames', () => Buffer.alloc(200_000, 0xff)),
  survived('huge-length', 'announces a frame of 2 GB', () => Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])),
  survived('empty-frames', 'writes frames without content', () => Buffer.alloc(4000)),
  survived('deep-frame', 'writes a frame of 100,000 nested arrays', () => framed(Buffer.alloc(100_000, 0x91))),
  survived('empty-maps', 'writes a frame of 2 million empty objects', () =>
    framed(Buffer.concat([Buffer.from([0xdd, 0, 0x1e, 0x84, 0x80]), Buffer.alloc(2_000_000, 0x80)])),
  ),
  survived('false-length', 'writes an array that claims 4 billion members', () =>
    framed(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1])),
  ),
  survived('unknown-messages', 'writes thousands of messages that fit nothing', () =>
    Buffer.concat(
      Array.from({ length: 2000 }, () =>
        framed(Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa3, 0x61, 0x63, 0x6b])),
      ),
    ),
  ),
]

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
