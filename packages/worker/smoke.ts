import { createSession } from '../session/src/index.ts'
import { createChildProcessTransport } from '../transport/src/index.ts'
import { workerArgv } from './src/index.ts'
const executor = (process.argv[2] ?? 'threaded') as 'threaded'
const connect = ({ fenceKey }: { fenceKey: string }) => createChildProcessTransport({ command: process.execPath, args: workerArgv({ executor }), env: {}, cwd: '/tmp', fenceKey })
const session = await createSession({ connect } as never)
console.log(session.info().worker)
async function run(code: string, o = {}) {
  const t = performance.now()
  const r = await session.run(code, { timeoutMs: 2000, ...o })
  const { outcome } = r
  console.log(JSON.stringify(code).slice(0, 80), '->', outcome.status, outcome.state, (outcome.text ?? outcome.error?.message ?? '').slice(0, 200), outcome.text?.length, JSON.stringify(r.stdout).slice(0, 100), 'rung', outcome.cancelRung, outcome.executor, outcome.mode, (performance.now() - t).toFixed(1))
}
await run('1+1')
await run('const x = 41; console.log("hi"); x + 1')
await run('await new Promise(r => setTimeout(r, 20)); x')
await run('let y: number = 5; enum A { B = 3 }; A.B + y')
await run('throw new TypeError("no")')
await run('while(true){}', { timeoutMs: 100 })
await run('x')
await run('await new Promise(() => {})', { timeoutMs: 100 })
await run('for(;;) await null', { timeoutMs: 100 })
await run('try { while(true){} } finally { while(true){} }', { timeoutMs: 100 })
await run('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)', { timeoutMs: 100 })
await run('/(a+)+$/.test("a".repeat(40)+"b")', { timeoutMs: 100 })
await run('setTimeout(() => { while(true){} }, 10); await new Promise(() => {})', { timeoutMs: 100 })
await run('for (;;) { try { await new Promise(() => {}) } catch {} }', { timeoutMs: 100 })
await run('prompt("name? ")', { onInput: () => 'Ada' })
await run('await input("name? ")', { onInput: () => 'Ada' })
await run('prompt("name? ")', { onInput: () => null })
await run('prompt("name? ")', { timeoutMs: 100, onInput: () => new Promise(() => {}) })
await run('x')
await run('for (let i = 0; i < 100000; i++) console.log("line " + i)', { timeoutMs: 10000 })
await run('require("child_process").execSync("echo native; echo err >&2", {stdio: "inherit"}); 7')
await run('"x".repeat(1e6).length')
await run('"x".repeat(3e6)')
await run('({a: new Map([[1, {b: 2n}]])})')
await run('process.exit(3)')
await run('typeof x')
const n = 3000, ts = []
for (let i = 0; i < n; i++) { const t = performance.now(); await session.execute('1+1').outcome; ts.push(performance.now() - t) }
ts.sort((a, b) => a - b)
console.log('p50 us', ts[n >> 1] * 1000, 'p95', ts[Math.floor(n * .95)] * 1000)
console.log(await session.bindings())
await session.shutdown()
