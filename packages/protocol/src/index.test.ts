import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'checkReady',
    'codecNames',
    'createCodec',
    'decodeValue',
    'defaultLimits',
    'defaultWorkerSettings',
    'encodeValue',
    'hostFeatures',
    'hostMessageSchema',
    'negotiate',
    'parseHostMessage',
    'parseWorkerMessage',
    'protocolErrors',
    'protocolVersion',
    'readHostMessage',
    'settingsFromEnv',
    'workerFeatures',
    'workerMessageSchema',
    'workerSettingsSchema',
  ])
})
