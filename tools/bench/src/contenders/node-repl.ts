import type { Contender } from '../contender.ts'
import { startChild } from '../child.ts'

const prompt = '\n> '

/** A child that serves `node:repl`; an answer is over when the next prompt comes. */
export async function startNodeRepl(): Promise<Contender> {
  const child = startChild('node-repl.mjs')
  let received = '\n'
  let answered: (text: string) => void = () => undefined
  child.output.setEncoding('utf8')
  child.output.on('data', (chunk: string) => {
    received += chunk
    if (!received.endsWith(prompt)) return
    const text = received.slice(0, -prompt.length)
    received = ''
    answered(text)
  })
  const nextAnswer = (): Promise<string> => new Promise((resolve) => (answered = resolve))
  await nextAnswer()
  return {
    name: 'node:repl child',
    evaluate(code) {
      const answer = nextAnswer()
      child.input.write(`${code}\n`)
      return answer
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
