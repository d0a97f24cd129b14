import { expect, it } from 'vitest'
import { settingsFromEnv, workerSettingsSchema } from './index.ts'

it('reads every setting', () => {
  const settings = settingsFromEnv({
    CAPSULE_BACK_PRESSURE: 'drop-oldest',
    CAPSULE_OUTPUT_BUFFER_BYTES: '1000',
    CAPSULE_OUTPUT_CHUNK_BYTES: '100',
    CAPSULE_DRAIN_TIMEOUT_MS: '0',
    CAPSULE_SUPPRESS_DRAIN_ERRORS: '1',
    CAPSULE_HEARTBEAT_MS: ' 250 ',
    CAPSULE_VALUE_BYTES: '4096',
    CAPSULE_VALUE_DEPTH: '7',
    CAPSULE_TEXT_LENGTH: '80',
    CAPSULE_ROUTE: 'async',
    CAPSULE_MODULES: '0',
  })
  expect(settings).toEqual({
    backPressure: 'drop-oldest',
    outputBufferBytes: 1000,
    outputChunkBytes: 100,
    drainTimeoutMs: 0,
    suppressDrainErrors: true,
    heartbeatMs: 250,
    valueBytes: 4096,
    valueDepth: 7,
    textLength: 80,
    route: 'async',
    modules: false,
  })
  expect(Object.keys(settings)).toEqual(Object.keys(workerSettingsSchema.shape))
})

it('leaves out what is unset or empty, and ignores other variables', () => {
  expect(
    settingsFromEnv({ PATH: '/bin', CAPSULE_ROUTE: '', CAPSULE_VALUE_BYTES: undefined, CAPSULE_OTHER: 'x' }),
  ).toEqual({})
})

it.each([
  ['CAPSULE_BACK_PRESSURE', 'wait', 'block, drop-new, drop-oldest or error'],
  ['CAPSULE_VALUE_BYTES', '1e6', 'a whole number of bytes'],
  ['CAPSULE_VALUE_BYTES', '-1', 'a whole number of bytes'],
  ['CAPSULE_VALUE_BYTES', '99999999999999999999', 'a whole number of bytes'],
  ['CAPSULE_HEARTBEAT_MS', 'soon', 'a whole number of milliseconds'],
  ['CAPSULE_SUPPRESS_DRAIN_ERRORS', 'yes', '1, true, 0 or false'],
])('names %s=%s and what is expected', (variable, text, expected) => {
  expect(() => settingsFromEnv({ [variable]: text })).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTIONS',
      message: `environment: ${variable} must be ${expected}, not "${text}"`,
    }),
  )
})

it('names every malformed variable at once', () => {
  expect(() => settingsFromEnv({ CAPSULE_ROUTE: 'x', CAPSULE_VALUE_DEPTH: 'x' })).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ problems: [expect.anything(), expect.anything()] }) }),
  )
})
