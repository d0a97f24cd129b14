// the disposition of a signal belongs to the whole process, and so does the number of those who want it
let holders = 0
const ignore = (): void => {}

/**
 * SIGUSR1 makes Node open its inspector, by which any process of the same user (a worker, say) could take this one over.
 * While somebody holds the guard the signal does nothing. Returns the release, to be called once.
 */
export function holdInspectorGuard(): () => void {
  if (process.platform === 'win32') return () => {}
  if (holders++ === 0) process.on('SIGUSR1', ignore)
  return () => {
    if (--holders === 0) process.off('SIGUSR1', ignore)
  }
}
