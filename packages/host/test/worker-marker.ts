/** Lets the suite find workers that were left behind; see tools/no-orphans.ts. */
export function workerMarker(): Record<string, string> {
  const marker = process.env['CAPSULE_TEST_RUN']
  return marker === undefined ? {} : { CAPSULE_TEST_RUN: marker }
}
