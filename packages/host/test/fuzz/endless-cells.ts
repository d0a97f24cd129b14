/** Cells that never end by themselves, each busy inside another part of Node. Cut them off anywhere. */
export const endlessCells: Readonly<Record<string, string>> = {
  'sync loop': 'while (true) {}',
  'sync loop that catches': 'for (;;) { try { for (;;) {} } catch {} finally { for (;;) {} } }',
  'pending await': 'await new Promise(() => {})',
  'microtask storm': 'for (;;) await null',
  'swallowing loop': 'for (;;) { try { await new Promise((r) => setTimeout(r, 1)) } catch {} }',
  'nextTick ping-pong': 'const spin = () => process.nextTick(spin); spin(); await new Promise(() => {})',
  timers:
    'let ticks = 0; setInterval(() => { ticks++; for (let i = 0; i < 1e5; i++); }, 1); await new Promise(() => {})',
  'loop in a timer': 'setTimeout(() => { for (;;) {} }, 1); await new Promise(() => {})',
  immediates: 'for (;;) await new Promise((r) => setImmediate(r))',
  printing: 'for (let i = 0; ; i++) console.log("line", i)',
  'printing objects': 'for (;;) console.log({ a: [1, 2, { b: new Map([[1, 2]]) }] })',
  'fs promises':
    'const fs = require("fs/promises"); for (;;) { await fs.writeFile("f.txt", "x".repeat(1000)); await fs.readFile("f.txt") }',
  'fs sync':
    'const fs = require("fs"); for (;;) { fs.writeFileSync("g.txt", "y"); fs.readFileSync("g.txt"); fs.readdirSync(".") }',
  'fs callbacks':
    'const fs = require("fs"); const again = () => fs.readFile(process.execPath, { length: 1 }, again); fs.stat(".", function next() { fs.stat(".", next) }); await new Promise(() => {})',
  'read stream':
    'const fs = require("fs"); for (;;) { for await (const chunk of fs.createReadStream(process.execPath, { end: 2e6 })) chunk.length }',
  pipeline:
    'const { pipeline } = require("stream/promises"); const { Readable, Transform, Writable } = require("stream"); for (;;) await pipeline(Readable.from(Array(200).fill("data")), new Transform({ transform(c, e, done) { done(null, c) } }), new Writable({ write(c, e, done) { setImmediate(done) } }))',
  zlib: 'const zlib = require("zlib"); const { promisify } = require("util"); const data = Buffer.alloc(50000, "abc"); for (;;) await promisify(zlib.gunzip)(await promisify(zlib.gzip)(data))',
  'zlib sync':
    'const zlib = require("zlib"); const data = Buffer.alloc(50000, "abc"); for (;;) zlib.gunzipSync(zlib.gzipSync(data))',
  'zlib stream':
    'const zlib = require("zlib"); const { Readable } = require("stream"); for (;;) for await (const c of Readable.from(Array(50).fill(Buffer.alloc(1000))).pipe(zlib.createGzip())) c.length',
  crypto:
    'const c = require("crypto"); const { promisify } = require("util"); for (;;) { await promisify(c.randomBytes)(1000); await promisify(c.pbkdf2)("p", "s", 100, 32, "sha256") }',
  'crypto sync':
    'const c = require("crypto"); for (;;) { c.createHash("sha256").update(c.randomBytes(1000)).digest("hex"); c.pbkdf2Sync("p", "s", 50, 32, "sha256") }',
  webcrypto: 'for (;;) await crypto.subtle.digest("SHA-256", new Uint8Array(1000))',
  'http on loopback':
    'const http = require("http"); const s = http.createServer((q, r) => r.end("ok".repeat(500))); await new Promise((r) => s.listen(0, "127.0.0.1", r)); for (;;) await new Promise((done, fail) => http.get({ port: s.address().port, host: "127.0.0.1" }, (r) => { r.resume(); r.on("end", done) }).on("error", fail))',
  'fetch on loopback':
    'const http = require("http"); const t = http.createServer((q, r) => r.end("ok".repeat(500))); await new Promise((r) => t.listen(0, "127.0.0.1", r)); for (;;) await (await fetch("http://127.0.0.1:" + t.address().port)).text()',
  net: 'const net = require("net"); const e = net.createServer((c) => c.pipe(c)); await new Promise((r) => e.listen(0, "127.0.0.1", r)); const k = net.connect(e.address().port, "127.0.0.1"); k.write("x"); for await (const d of k) k.write(d)',
  dns: 'const dns = require("dns/promises"); for (;;) await dns.lookup("localhost").catch(() => {})',
  'child processes':
    'const { spawn } = require("child_process"); for (;;) await new Promise((r) => spawn(process.execPath, ["--version"]).on("close", r))',
  execFileSync: 'const { execFileSync } = require("child_process"); for (;;) execFileSync("/bin/true")',
  'dynamic import':
    'for (let i = 0; ; i++) await import("data:text/javascript,export default " + i + "/*" + Math.random() + "*/")',
  'builtin imports': 'for (;;) { await import("node:os"); await import("node:path"); require("util") }',
  events:
    'const { EventEmitter, once } = require("events"); const em = new EventEmitter(); setInterval(() => em.emit("x"), 0); for (;;) await once(em, "x")',
  'async iteration': 'async function* gen() { for (let i = 0; ; i++) yield i } for await (const i of gen()) i',
  structuredClone: 'const v = { a: Array(100).fill({ b: new Date() }) }; for (;;) structuredClone(v)',
  'message channel':
    'const { port1, port2 } = new MessageChannel(); port2.on("message", (m) => port2.postMessage(m)); port1.on("message", (m) => port1.postMessage(m)); port1.postMessage(1); await new Promise(() => {})',
  'worker thread':
    'const { Worker } = require("worker_threads"); for (;;) await new Promise((r) => new Worker("1", { eval: true }).on("exit", r))',
  'Atomics.wait': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  regex: '/^(a+)+$/.test("a".repeat(40) + "b")',
  sort: 'const big = Array.from({ length: 2e5 }, Math.random); for (;;) big.slice().sort((x, y) => x - y)',
  JSON: 'const doc = JSON.stringify(Array(200).fill({ k: "v", n: [1, 2, 3] })); for (;;) JSON.parse(doc).length',
  inspect: 'const u = require("util"); for (;;) u.inspect(process.versions, { depth: 9 })',
  compile:
    'const vm = require("vm"); for (let i = 0; ; i++) new vm.Script("x" + i).runInThisContext({ timeout: undefined }) ',
  prompt: 'prompt("never answered")',
  input: 'await input("never answered")',
  readline:
    'const rl = require("readline").createInterface({ input: new (require("stream").PassThrough)() }); for await (const line of rl) line',
  'text streams':
    'for (;;) { const s = new Blob(["x".repeat(5000)]).stream().pipeThrough(new TextDecoderStream()); for await (const t of s) t.length }',
  'abortable sleep':
    'const { setTimeout: sleep } = require("timers/promises"); for (;;) await sleep(2, undefined, { signal: capsule.signal })',
  wasm: 'const bytes = Uint8Array.from([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,8,1,4,115,112,105,110,0,0,10,9,1,7,0,3,64,12,0,11,11]); (await WebAssembly.instantiate(bytes)).instance.exports.spin()',
  'class machinery': 'for (let i = 0; ; i++) { class A { #x = i; static { } get x() { return this.#x } } new A().x }',
  generators: 'function* g() { for (;;) yield* [1, 2, 3] } for (const x of g()) x',
  proxies: 'const p = new Proxy({}, { get: (t, k) => k }); for (;;) p.anything',
  eval: 'for (let i = 0; ; i++) (0, eval)("var e" + (i % 10) + " = " + i)',
}
