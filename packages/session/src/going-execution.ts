import type { Execution, Session } from './session.ts'

/** Resolves when the cell has printed; its other events are for nobody. */
export async function going(
  session: Session,
  code: string,
  options?: Parameters<Session['execute']>[1],
): Promise<Execution> {
  const execution = session.execute(code, options)
  const { promise, resolve } = Promise.withResolvers<void>()
  const read = async (): Promise<void> => {
    for await (const event of execution) if (event.type === 'output') resolve()
  }
  await Promise.race([promise, read()])
  return execution
}
