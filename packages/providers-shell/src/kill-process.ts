/** Kills a process, or with a negative number its group. One that is gone already is no failure: it can go at any moment. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // nobody there, or nobody of ours
  }
}
