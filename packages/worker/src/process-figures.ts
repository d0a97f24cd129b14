/** What a heartbeat says of the whole process; read on whichever thread sends it. */
export function processFigures(): { uptimeMs: number; rssBytes: number; heapUsedBytes: number; cpuMs: number } {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  return {
    uptimeMs: process.uptime() * 1000,
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    cpuMs: (user + system) / 1000,
  }
}
