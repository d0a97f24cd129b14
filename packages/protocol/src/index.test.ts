import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'bindingReportSchema',
    'checkReady',
    'codecNames',
    'createCodec',
    'creditedBytes',
    'decodeValue',
    'defaultLimits',
    'defaultWorkerSettings',
    'displayLimits',
    'encodeValue',
    'hostFeatures',
    'hostMessageSchema',
    'isBoundedJson',
    'negotiate',
    'parseHostMessage',
    'parseWorkerMessage',
    'protocolErrors',
    'protocolVersion',
    'readHostMessage',
    'reservedStreamPrefix',
    'settingsFromEnv',
    'streamCost',
    'streamLimits',
    'streamSizes',
    'workerFeatures',
    'workerMessageSchema',
    'workerSettingsSchema',
  ])
})
