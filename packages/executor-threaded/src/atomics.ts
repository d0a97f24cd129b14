/** Taken at load: cells share `globalThis` with the user side, and a cell's own `const Atomics` is a global property. */
export const { add, compareExchange, load, notify, store, wait, waitAsync } = Atomics
