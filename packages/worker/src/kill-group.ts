// a cell may replace it
const kill = process.kill.bind(process)

/** Ends this process at once, and with it what cells have started in its process group, if it leads one. */
export function killGroup(): void {
  try {
    kill(-process.pid, 'SIGKILL')
  } catch {
    // not a leader, or no groups on this system: only this process
  }
  kill(process.pid, 'SIGKILL')
}
