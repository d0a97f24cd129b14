import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

/** Services of the machine, on loopback only; each gives the token to whoever reaches it. */
export interface LoopbackServers extends AsyncDisposable {
  readonly tcpPort: number
  readonly httpPort: number
  readonly udpPort: number
  /** Answers every question with 192.0.2.7. */
  readonly dnsPort: number
  readonly socketPath: string
  /** Without the zero byte in front. */
  readonly abstractName: string
  /** The paths that HTTP requests and WebSocket openings came for. */
  readonly requested: ReadonlySet<string>
}

const loopback = '127.0.0.1'

export async function startServers({
  directory,
  token,
}: {
  directory: string
  token: string
}): Promise<LoopbackServers> {
  const sockets = new Set<Socket>()
  const requested = new Set<string>()
  const greet = (socket: Socket): void => void socket.on('error', () => {}).end(token)
  const tcp = createServer(greet).listen(0, loopback)
  const socketPath = join(directory, 'service.sock')
  const unix = createServer(greet).listen({ path: socketPath, readableAll: true, writableAll: true })
  const abstractName = `capsule-escape-${process.pid}-${Date.now()}`
  const abstract = process.platform === 'linux' ? createServer(greet).listen(`\0${abstractName}`) : undefined
  const http = createHttpServer((request, response) => {
    requested.add(request.url ?? '')
    response.end(token)
  })
  http.on('upgrade', (request, socket) => {
    requested.add(request.url ?? '')
    socket.destroy()
  })
  http.listen(0, loopback)
  const udp = createSocket('udp4', (_, { port, address }) => udp.send(token, port, address))
  udp.bind(0, loopback)
  const dns = createSocket('udp4', (question, { port, address }) => dns.send(dnsAnswer(question), port, address))
  dns.bind(0, loopback)
  const servers: Server[] = [tcp, unix, http, ...(abstract === undefined ? [] : [abstract])]
  for (const server of servers) server.on('connection', (socket) => void sockets.add(socket))
  await Promise.all([...servers, udp, dns].map((server) => once(server, 'listening')))
  return {
    tcpPort: (tcp.address() as AddressInfo).port,
    httpPort: (http.address() as AddressInfo).port,
    udpPort: udp.address().port,
    dnsPort: dns.address().port,
    socketPath,
    abstractName,
    requested,
    async [Symbol.asyncDispose]() {
      const closed = [...servers, udp, dns].map((server) => once(server, 'close'))
      for (const server of [...servers, udp, dns]) server.close()
      for (const socket of sockets) socket.destroy()
      await Promise.all(closed)
    },
  }
}

/** One A record for whatever was asked. */
function dnsAnswer(question: Buffer): Buffer {
  const header = Buffer.from([question[0] ?? 0, question[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
  let end = 12
  while (question[end] !== 0) end += (question[end] ?? 0) + 1
  const asked = question.subarray(12, end + 5)
  return Buffer.concat([header, asked, Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7])])
}
