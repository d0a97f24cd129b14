import type { PolicyDefinition } from '@capsule/capabilities'
import { type DrivenAttack, type OpenSession, stoppedEverywhere } from './attack.ts'
import { createTools, guardedOnce, marksOnly } from './called-tools.ts'
import { alsoIn, isUsable } from './control.ts'
import { encodedArguments, forgedCall, forging, framesOf, nextExecutionId } from './forged-frames.ts'

/** Everything that was written before is served when these have come back. */
export const served = '; await caps.tools.mark({}); await caps.tools.mark({}); 1'
const timeoutMs = 5000

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

/** Requests that no cell has made by `caps`. */
export const callAttacks: readonly DrivenAttack[] = [
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
]
