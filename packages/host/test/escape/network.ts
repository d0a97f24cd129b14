import { type CellAttack, quoted, type Shot, stoppedFrom } from './attack.ts'

const servers = ({ lab }: Shot) => lab.stage.servers

/** Connects and reads the token. */
const connects = (target: string, { lab }: Shot): string => `const { connect } = await mod('net')
let text = ''
const socket = connect(${target})
return await within(new Promise((resolve) => socket.setEncoding('latin1')
  .on('data', (chunk) => { text += chunk })
  .on('error', () => resolve(false))
  .on('close', () => resolve(text === ${quoted(lab.stage.secret)}))), 3000)`

/** Node 26 asks the permission model, Node 24 does not. */
const closedIn26 = { permission: 'stopped' } as const
const openUnderPermission = stoppedFrom('os', { permission: 'hygiene' })

export const networkAttacks: readonly CellAttack[] = [
  {
    id: 'network/tcp',
    title: 'connects to a service on loopback',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => connects(`{ port: ${servers(shot).tcpPort}, host: '127.0.0.1' }`, shot),
  },
  {
    id: 'network/tcp-any-address',
    title: 'connects to a service on loopback by the address 0.0.0.0',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => connects(`{ port: ${servers(shot).tcpPort}, host: '0.0.0.0' }`, shot),
  },
  {
    id: 'network/fetch',
    title: 'fetches from a service on loopback, without modules',
    expected: stoppedFrom('os'),
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) =>
      `return await (await fetch('http://127.0.0.1:${servers(shot).httpPort}/')).text() === ${quoted(shot.lab.stage.secret)}`,
  },
  {
    id: 'network/web-socket',
    title: 'opens a WebSocket to a service on loopback, without modules',
    expected: stoppedFrom('os'),
    sinceNode26: closedIn26,
    control: 'process',
    evidence: (shot) => servers(shot).requested.has(shot.path),
    cell: (shot) => `const socket = new WebSocket('ws://127.0.0.1:${servers(shot).httpPort}${shot.path}')
await within(new Promise((resolve) => { socket.onerror = socket.onclose = resolve }), 3000)`,
  },
  {
    id: 'network/http',
    title: 'sends an HTTP request by node:http',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    evidence: (shot) => servers(shot).requested.has(shot.path),
    cell: (shot) => `const { get } = await mod('http')
await within(new Promise((resolve, reject) => get('http://127.0.0.1:${servers(shot).httpPort}${shot.path}', resolve).on('error', reject)), 3000)`,
  },
  {
    id: 'network/udp',
    title: 'sends a datagram to a service on loopback and gets the answer',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => `const socket = (await mod('dgram')).createSocket('udp4')
const answer = new Promise((resolve, reject) => socket.on('message', resolve).on('error', reject))
socket.send('?', ${servers(shot).udpPort}, '127.0.0.1', (error) => error && socket.emit('error', error))
try { return String(await within(answer, 2000)) === ${quoted(shot.lab.stage.secret)} } finally { socket.close() }`,
  },
  {
    id: 'network/unix-socket',
    title: 'connects to a Unix socket',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => connects(quoted(servers(shot).socketPath), shot),
  },
  {
    id: 'network/abstract-socket',
    title: 'connects to an abstract Unix socket',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => connects(quoted(`\0${servers(shot).abstractName}`), shot),
  },
  {
    id: 'network/listen',
    title: 'listens on a port',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: () => `const server = (await mod('net')).createServer()
return await within(new Promise((resolve) => server.on('error', () => resolve(false))
  .listen(0, '127.0.0.1', () => { server.close(); resolve(true) })), 3000)`,
  },
  {
    id: 'network/listen-unix',
    title: 'listens on an abstract Unix socket',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => `const server = (await mod('net')).createServer()
return await within(new Promise((resolve) => server.on('error', () => resolve(false))
  .listen(${quoted(`\0own-${shot.path}`)}, () => { server.close(); resolve(true) })), 3000)`,
  },
  {
    id: 'network/dns',
    title: 'asks a name server, and so sends data to whoever runs it',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: (shot) => `const { Resolver } = (await mod('dns')).promises
const resolver = new Resolver({ timeout: 500, tries: 1 })
resolver.setServers(['127.0.0.1:${servers(shot).dnsPort}'])
return (await within(resolver.resolve4('stolen.capsule.test'), 2000))[0] === '192.0.2.7'`,
  },
  {
    id: 'network/lookup',
    title: 'looks a name up by the system (dns.lookup)',
    expected: openUnderPermission,
    sinceNode26: closedIn26,
    control: 'process',
    cell: () => `const { address } = await within((await mod('dns')).promises.lookup('localhost'), 3000)
return address === '127.0.0.1' || address === '::1'`,
  },
  {
    id: 'network/list-ports',
    title: 'lists the open ports of the machine from /proc/net',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) => {
      const port = servers(shot).tcpPort.toString(16).toUpperCase().padStart(4, '0')
      return `return (await mod('fs')).readFileSync('/proc/net/tcp', 'utf8').includes(':${port} ')`
    },
  },
  {
    id: 'network/list-unix-sockets',
    title: 'lists the Unix sockets of the machine from /proc/net',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: (shot) =>
      `return (await mod('fs')).readFileSync('/proc/net/unix', 'utf8').includes(${quoted(servers(shot).abstractName)})`,
  },
  {
    id: 'network/interfaces',
    title: 'learns the addresses of the machine',
    expected: openUnderPermission,
    control: 'process',
    cell: () => `return Object.keys((await mod('os')).networkInterfaces()).length > 0`,
  },
]
