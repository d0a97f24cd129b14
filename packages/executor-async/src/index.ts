/** Runs cells on the current event loop, with cooperative cancel. */
export {}
