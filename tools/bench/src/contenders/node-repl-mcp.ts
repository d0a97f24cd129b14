import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Contender } from '../contender.ts'
import { peerFile } from '../peers.ts'

interface Answer {
  readonly id?: number
  readonly result?: { readonly content?: readonly { readonly text?: string }[]; readonly isError?: boolean }
}

/** @qwen-code/node-repl-mcp, driven over its stdio as an MCP client would. It shows only what a cell writes. */
export async function startNodeReplMcp(): Promise<Contender> {
  const file = peerFile('@qwen-code/node-repl-mcp', 'dist/index.js')
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'ignore'], env })
  const exited = once(child, 'exit')
  const waiting = new Map<number, (answer: Answer) => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer)
  })
  let lastId = 0
  const send = (message: object): unknown => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const request = (method: string, params: object): Promise<Answer> => {
    const id = ++lastId
    const answer = new Promise<Answer>((resolve) => waiting.set(id, resolve))
    send({ id, method, params })
    return answer.finally(() => waiting.delete(id))
  }
  const clientInfo = { name: 'capsule-bench', version: '0.0.0' }
  await request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
  send({ method: 'notifications/initialized' })
  return {
    name: 'node-repl-mcp',
    async evaluate(code) {
      const params = { name: 'node_repl', arguments: { code: `nodeRepl.write(String(${code}))` } }
      const { result } = await request('tools/call', params)
      if (result?.isError === true) throw new Error(`node-repl-mcp: ${result.content?.[0]?.text}`)
      return result?.content?.map(({ text }) => text ?? '').join('')
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
