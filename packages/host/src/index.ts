/** createCapsule(): persistent, process-isolated sessions that run JavaScript and TypeScript cells. */
export {}
