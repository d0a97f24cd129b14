import { createEngine } from '@capsule/namespace'
const engine = createEngine({})
let n = 0
async function run(code: string): Promise<any> {
  const executionId = 'e' + ++n
  const p = engine.prepare({ executionId, code })
  const c: any = await new Promise((r) => engine.start(p, r))
  engine.finish(executionId)
  if (c.kind === 'throw') console.log('THROW', code.slice(0, 60), c.error.message)
}
const shapes: Record<string, string> = {
  records: `var data = Array.from({length:100_000},(_, i)=>({id:i,name:'item number '+i,value:i*1.5,tags:['a','b'+(i%10)],nested:{x:i,y:-i}})); 0`,
  rows: `var data = Array.from({length:80_000},(_, i)=>({id:i,name:'item number '+i,value:i*1.5,text:'some longer text of a record, as they are, number '+i})); 0`,
  numbers: `var data = Array.from({length:1_200_000},(_, i)=>i*1.5); 0`,
  strings: `var data = Array.from({length:10_000},(_, i)=>String(i).padStart(1000,'x')); 0`,
  bytes: `var data = new Uint8Array(10_000_000).map((_, i) => i * 7); 0`,
}
for (const [name, code] of Object.entries(shapes).filter(([n]) => ['rows'].includes(n))) {
  await run(code)
  const cap: number[] = [], res: number[] = []
  let size = 0
  for (let i = 0; i < 15; i++) {
    const t0 = performance.now()
    const c = engine.capture({ limitBytes: 1e9 })
    cap.push(performance.now() - t0)
    size = c.payload.length
    const t1 = performance.now()
    await new Promise((r) => engine.restore(c.payload, 'replace', r))
    res.push(performance.now() - t1)
  }
  const med = (l: number[]) => l.sort((a, b) => a - b)[3]!.toFixed(0)
  console.log(name, (size / 1e6).toFixed(1), 'MB capture', med(cap), 'restore', med(res), 'structuredClone', (() => { const l: number[] = []; for (let i = 0; i < 15; i++) { const t = performance.now(); structuredClone((globalThis as any).data); l.push(performance.now() - t) } return med(l) })())
}
process.exit()
