/** What the host grants and nothing else: a file, a server, a command, a person's approval, and five refusals by rule. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCapsule, createMemoryAudit, definePolicy } from '@capsule/host'
import { files } from '@capsule/providers-files'
import { http } from '@capsule/providers-http'
import { argv, literal, shell } from '@capsule/providers-shell'

const folder = await mkdtemp(join(tmpdir(), 'capsule-example-'))
await writeFile(join(folder, 'notes.txt'), 'buy milk\n')
const server = createServer((_, response) => response.end('{"price":2}')).listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `127.0.0.1:${(server.address() as AddressInfo).port}`

const policy = definePolicy({
  name: 'shopping',
  rules: [
    { id: 'no-secrets', effect: 'deny', capability: 'files.*', when: { path: { glob: 'work:/secret/**' } } },
    { id: 'read-files', effect: 'allow', capability: ['files.read', 'files.list'] },
    { id: 'ask-to-write', effect: 'approve', capability: 'files.write', approve: { timeoutMs: 60_000 } },
    {
      id: 'get-twice',
      effect: 'allow',
      capability: 'http.fetch',
      when: { method: { equals: 'GET' } },
      limits: { perSession: { calls: 2 } },
    },
    { id: 'run', effect: 'allow', capability: 'shell.run' },
  ],
})
const audit = createMemoryAudit()
await using capsule = await createCapsule({ audit })
const capabilities = [
  files({ roots: { work: { path: folder, mode: 'rw' } } }),
  http({ allow: [], allowPrivate: [origin] }),
  shell({ commands: { date: { path: '/bin/date', args: argv([literal('-u'), literal('+%Z')]) } } }),
]
await using session = await capsule.createSession({ capabilities, policy })

const { outcome } = await session.run(
  `console.log('file:', await caps.files.read('work:/notes.txt', 'utf8'))
console.log('server:', await (await caps.http.fetch('http://${origin}/')).json())
console.log('command:', (await caps.shell.run('date', ['-u', '+%Z'])).stdout)
console.log('written:', await caps.files.write('work:/list.txt', 'milk: 2'))
await Promise.allSettled([
  caps.files.read('work:/secret/key'),
  caps.http.fetch('http://169.254.169.254/latest/meta-data'),
  caps.http.fetch('http://${origin}/', { method: 'HEAD' }),
  caps.http.fetch('http://${origin}/again'),
  caps.shell.run('date', ['--set', 'now']),
])`,
  {
    onEvent: (event) => event.type === 'output' && process.stdout.write(event.text),
    onApproval: ({ capability, summary }) => console.log(`approved ${capability}: ${summary}`) === undefined,
  },
)
console.log(outcome.status, capsule.info().isolation)
for (const { capability, rule, code, summary, outcome: told } of audit.records)
  if (!['allowed', 'approved', 'ok'].includes(told))
    console.log(`refused ${capability} by ${rule}: ${code} (${summary})`)
server.close()
await rm(folder, { recursive: true })
