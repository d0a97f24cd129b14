/** What a heartbeat says of the whole process; read on whichever thread sends it. */
export function processFigures(): { uptimeMs: number; rssBytes: number; cpuMs: number } {
  const { user, system } = process.cpuUsage()
  return {
    uptimeMs: process.uptime() * 1000,
    rssBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1000,
  }
}
