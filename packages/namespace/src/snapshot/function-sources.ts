import { functionFactsOf, type FunctionFacts } from '../compile/function-facts.ts'
import { engineLimits } from '../engine-limits.ts'
import { SafeMap } from '../primordials.ts'

/** Stands among the captures of a text that means different things in different places. */
export const differentPlaces = '(places)'

const evaluating = /\b(?:eval|Function|runIn\w+|compileFunction)\b/

/** What is known of functions by their text: all that stand in kept cells, and in what restores have evaluated. */
export class FunctionSources {
  /** Code of cells by itself, oldest first; undefined: nothing has been looked up in it yet. */
  readonly #cells = new SafeMap<string, readonly FunctionFacts[] | undefined>()
  readonly #facts = new SafeMap<string, FunctionFacts>()
  /** Those that may make functions of texts. */
  readonly #evaluating = new SafeMap<string, true>()
  #length = 0
  #isComplete = true

  /** Takes in the code of a cell as it runs. Cheap: it is read when a function is looked up. */
  remember(code: string): void {
    if (this.#cells.has(code)) return
    this.#cells.set(code, undefined)
    this.#isComplete = false
    this.#length += code.length
    while (this.#length > engineLimits.functionSources && this.#cells.size > 1) this.#forgetOldest()
  }

  /** Runs the parser: to be called where cells cannot interfere (`withIntrinsics`). */
  find(text: string): FunctionFacts | undefined {
    if (!this.#isComplete) this.#readCells()
    const facts = this.#facts.get(text)
    if (facts === undefined || facts.globals.length === 0 || !this.#isEvaluated(text)) return facts
    return { ...facts, captures: [...facts.captures, differentPlaces] }
  }

  /** Whether the text stands also where it is no function: `eval` may have made one of it, with other variables around. */
  #isEvaluated(text: string): boolean {
    let isEvaluated = false
    this.#evaluating.forEach((_, code) => {
      const places = this.#cells.get(code)?.filter((each) => each.text === text).length ?? 0
      isEvaluated ||= occurrences(code, text) > places
    })
    return isEvaluated
  }

  #readCells(): void {
    this.#cells.forEach((known, code) => {
      if (known !== undefined) return
      const facts = functionFactsOf(code)
      this.#cells.set(code, facts)
      if (evaluating.test(code)) this.#evaluating.set(code, true)
      for (const each of facts) this.#merge(each)
    })
    this.#isComplete = true
  }

  /** The same text in two places: what either of them takes from around it, it may have taken. */
  #merge(facts: FunctionFacts): void {
    const known = this.#facts.get(facts.text)
    if (known === undefined) return void this.#facts.set(facts.text, facts)
    const isSame = known.isStrict === facts.isStrict && known.anonymousText === facts.anonymousText
    const captures = new Set([...known.captures, ...facts.captures])
    // as nobody can tell which of them a function comes from
    if (!isSame) captures.add(differentPlaces)
    const isMember = known.isMember && facts.isMember
    this.#facts.set(facts.text, { ...known, isMember, captures: [...captures] })
  }

  #forgetOldest(): void {
    let oldest: string | undefined
    this.#cells.forEach((_, code) => (oldest ??= code))
    if (oldest === undefined) return
    for (const { text } of this.#cells.get(oldest) ?? []) this.#facts.delete(text)
    this.#evaluating.delete(oldest)
    this.#length -= oldest.length
    this.#cells.delete(oldest)
  }
}

function occurrences(code: string, text: string): number {
  let count = 0
  for (let at = code.indexOf(text); at >= 0; at = code.indexOf(text, at + 1)) count++
  return count
}
