const keywords = 'let const class function async await import export using with yield while do for'
/** Whatever `modeOf` looks for. */
const names = `eval Function require vm prompt alert confirm Atomics then catch finally Promise setTimeout setInterval
  setImmediate queueMicrotask fetch nextTick Worker WebSocket EventSource globalThis global self process fs child_process cluster
  dgram dns http http2 https net readline timers tls worker_threads`

/**
 * A cell that this does not match needs no parse: no declaration but `var`, nothing asynchronous or blocking, no brace at the
 * start (an object or a block), no computed call, no escape that could spell a name.
 */
export const notPlain = new RegExp(
  String.raw`\b(?:${`${keywords} ${names}`.split(/\s+/).join('|')})\b|Sync\b|\bvar\b|\]\s*(?:\?\.\s*)?\(|\\u|^#!|^(?:\s|\/\/.*|\/\*[^]*?\*\/)*\{`,
)
