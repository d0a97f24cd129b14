/** Runs cells on the main thread under a control thread: preemptive cancel and synchronous input. */
export {}
