/** The Capsule worker process: control loop, routing, heartbeat. */
export {}
