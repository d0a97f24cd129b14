/** Something that evaluates code, started and warm. */
export interface Contender extends AsyncDisposable {
  readonly name: string
  /** The expression's value as the caller would get it. */
  readonly evaluate: (code: string) => Promise<unknown>
}

/** How to start one; `undefined` with a loud line when this machine cannot. */
export type StartContender = () => Promise<Contender>

export async function startAll(
  starts: Readonly<Record<string, StartContender>>,
  log: (line: string) => void,
): Promise<Contender[] & AsyncDisposable> {
  const contenders: Contender[] = []
  for (const [name, start] of Object.entries(starts)) {
    try {
      contenders.push(await start())
    } catch (error) {
      log(`SKIPPED ${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const dispose = async (): Promise<void> => {
    await Promise.all(contenders.map((contender) => contender[Symbol.asyncDispose]()))
  }
  return Object.assign(contenders, { [Symbol.asyncDispose]: dispose })
}
