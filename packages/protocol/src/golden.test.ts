import { describe, expect, it } from 'vitest'
import { hostSamples, workerSamples } from '../test/samples.ts'
import { createCodec, defaultLimits, parseHostMessage, parseWorkerMessage } from './index.ts'

const all = [...hostSamples, ...workerSamples]
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

// What is on the wire today must be readable for ever: a changed line here is a changed protocol.
describe('golden bytes', () => {
  it('of JSON stay as they are', () => {
    const json = createCodec('json')
    expect(`\n${all.map((message) => text(json.encode(message))).join('\n')}\n`).toMatchInlineSnapshot(`
      "
      {"type":"hello","protocol":{"major":1,"minor":0},"codecs":["msgpack","json"],"features":["inspect"],"limits":{"frameBytes":10485760,"depth":64},"settings":{"backPressure":"block","heartbeatMs":500},"outputWindowBytes":65536}
      {"type":"hello","protocol":{"major":1,"minor":0},"codecs":["json"],"features":["concurrency"],"limits":{"frameBytes":10485760,"depth":64},"settings":{},"outputWindowBytes":1,"maxConcurrentExecutions":3}
      {"type":"execute","executionId":"execution-1","code":"1 + 1","filename":"a.ts","language":"ts","route":"auto","storeHistory":false,"transaction":"rollback-on-failure"}
      {"type":"execute","executionId":"execution-2","code":"é"}
      {"type":"input-response","executionId":"e-1","inputId":"i-1","answer":{"kind":"text","text":"Ada"}}
      {"type":"input-response","executionId":"e-1","inputId":"i-1","answer":{"kind":"eof"}}
      {"type":"input-response","executionId":"e-1","inputId":"i-1","answer":{"kind":"timed-out"}}
      {"type":"input-response","executionId":"e-1","inputId":"i-1","answer":{"kind":"refused","error":{"name":"CapsuleError","message":"no","code":"CAPABILITY_DENIED"}}}
      {"type":"capabilities","manifest":{"capabilities":[{"name":"files.read","returns":"value"},{"name":"files.write","returns":"value","body":{"field":"data","position":1}},{"name":"http.fetch","returns":"response","body":{"field":"body"}},{"name":"files.readStream","returns":"body"}],"names":[{"name":"fetch","capability":"http.fetch"}],"input":true}}
      {"type":"capability-response","executionId":"e-1","callId":"call-1","answer":{"kind":"value","value":{"$bytes":"Ag=="},"body":true}}
      {"type":"capability-response","executionId":"e-1","callId":"call-2","answer":{"kind":"error","error":{"name":"CapsuleError","message":"no","code":"CAPABILITY_DENIED"}}}
      {"type":"cancel","executionId":"e-1","reason":"timed-out","cooperativeMs":50}
      {"type":"interrupt","cooperativeMs":0}
      {"type":"inspect","requestId":"r-1","query":{"what":"namespace"}}
      {"type":"inspect","requestId":"r-1","query":{"what":"completions","code":"con","cursor":3}}
      {"type":"inspect","requestId":"r-1","query":{"what":"completeness","code":"{"}}
      {"type":"stream-credit","streamId":"output","bytes":70000}
      {"type":"checkpoint","requestId":"c-1","limitBytes":1000000}
      {"type":"restore","requestId":"c-1","mode":"merge"}
      {"type":"reset","requestId":"r-1","cooperativeMs":30}
      {"type":"execute","executionId":"execution-3","code":"1","storeHistory":false,"warmup":true}
      {"type":"shutdown","graceMs":100}
      {"type":"stream-open","streamId":"h1","name":"é / all","windowBytes":1048576}
      {"type":"stream-data","streamId":"h1","kind":"bytes","data":{"$bytes":"AP8="}}
      {"type":"stream-data","streamId":"w1","kind":"value","data":{"$bytes":"Ag=="}}
      {"type":"stream-credit","streamId":"c1","bytes":70000}
      {"type":"stream-close","streamId":"h1","side":"write"}
      {"type":"stream-close","streamId":"h1","side":"read","error":{"name":"Error","message":"no","code":"E","stack":"Error: no","line":1,"column":2,"cause":{"name":"Error","message":"why"},"errors":[{"name":"Error","message":"one"}],"thrown":{"$bytes":"BQ=="}}}
      {"type":"ready","protocol":{"major":1,"minor":0},"codec":"msgpack","features":["inspect"],"limits":{"frameBytes":10485760,"depth":64},"settings":{"backPressure":"block","outputBufferBytes":1048576,"outputChunkBytes":65536,"drainTimeoutMs":30000,"suppressDrainErrors":false,"heartbeatMs":1000,"valueBytes":8388608,"valueDepth":100,"textLength":100000,"route":"auto"},"executors":[{"name":"async","preemptive":false,"syncInput":false,"concurrent":true}],"pid":42,"nodeVersion":"v24.21.0"}
      {"type":"ack","executionId":"e-1"}
      {"type":"heartbeat","sequence":1,"uptimeMs":12.5,"rssBytes":50000000,"heapUsedBytes":5000000,"cpuMs":30,"eventLoopDelayMs":0,"bindings":2,"executionId":"e-1"}
      {"type":"output","executionId":"e-1","stream":"stdout","text":"hi\\n"}
      {"type":"output","executionId":"e-1","stream":"stderr","text":"late","late":true}
      {"type":"display","executionId":"e-1","displayId":"chart","action":"show","data":{"text/plain":"é","image/png":{"$bytes":"iVA="},"application/json":{"json":"{\\"a\\":1}"}},"metadata":"{\\"width\\":2}","truncated":true,"dropped":["text/html"],"late":true}
      {"type":"display","executionId":"e-1","displayId":"chart","action":"update","data":{"image/png":{"$bytes":"Tg=="}},"part":{"index":1,"count":2}}
      {"type":"display","executionId":"e-1","displayId":"chart","action":"clear","data":{}}
      {"type":"progress","executionId":"e-1","done":0.5,"total":3,"text":"reading"}
      {"type":"progress","executionId":"e-1","done":1}
      {"type":"input-request","executionId":"e-1","inputId":"i-1","prompt":"Name?","secret":true,"timeoutMs":1000}
      {"type":"capability-request","executionId":"e-1","callId":"call-1","capability":"http.fetch","args":{"$bytes":"Av8="},"idempotencyKey":"k é","timeoutMs":10.5,"body":true}
      {"type":"capability-request","executionId":"e-1","callId":"call-2","capability":"a.b","args":{"$bytes":"AA=="}}
      {"type":"capability-cancel","executionId":"e-1","callId":"call-1"}
      {"type":"result","executionId":"e-1","cell":3,"mode":"simple","executor":"threaded","durationMs":1.5,"output":{"bytes":2,"droppedBytes":0,"droppedChunks":0},"tainted":true,"text":"2","value":{"$bytes":"Av8="},"truncated":true}
      {"type":"result","executionId":"e-1","cell":3,"mode":"simple","executor":"threaded","durationMs":1.5,"output":{"bytes":2,"droppedBytes":0,"droppedChunks":0},"transaction":{"action":"rolled-back","report":[{"name":"a","status":"skipped","reason":"proxy","detail":"a Proxy"}]},"text":"undefined"}
      {"type":"error","terminal":true,"executionId":"e-1","cell":3,"mode":"simple","executor":"threaded","durationMs":1.5,"output":{"bytes":2,"droppedBytes":0,"droppedChunks":0},"status":"cancelled","rung":1,"error":{"name":"TypeError","message":"no","stack":"TypeError: no","line":2,"column":7,"cause":{"name":"Error","message":"why"}}}
      {"type":"error","terminal":false,"error":{"name":"5","message":"5","thrown":{"$bytes":"BQ=="}}}
      {"type":"error","terminal":false,"executionId":"e-1","late":true,"error":{"name":"AggregateError","message":"many","code":"E","errors":[{"name":"Error","message":"one"}]}}
      {"type":"inspect-result","requestId":"r-1","answer":{"what":"namespace","bindings":[{"name":"a","kind":"const","type":"number","preview":"1"}],"truncated":true}}
      {"type":"reset-result","requestId":"r-1","answer":{"kind":"reset","left":["process.env"]}}
      {"type":"reset-result","requestId":"r-1","answer":{"kind":"failed","error":{"name":"Error","message":"x"}}}
      {"type":"inspect-result","requestId":"r-1","answer":{"what":"completions","names":["const"],"from":0}}
      {"type":"inspect-result","requestId":"r-1","answer":{"what":"completeness","status":"incomplete"}}
      {"type":"inspect-result","requestId":"r-1","answer":{"what":"failure","error":{"name":"Error","message":"x"}}}
      {"type":"stream-open","streamId":"h1","name":"é / all","windowBytes":1048576}
      {"type":"stream-data","streamId":"h1","kind":"bytes","data":{"$bytes":"AP8="}}
      {"type":"stream-data","streamId":"w1","kind":"value","data":{"$bytes":"Ag=="}}
      {"type":"stream-credit","streamId":"c1","bytes":70000}
      {"type":"stream-close","streamId":"h1","side":"write"}
      {"type":"stream-close","streamId":"h1","side":"read","error":{"name":"Error","message":"no","code":"E","stack":"Error: no","line":1,"column":2,"cause":{"name":"Error","message":"why"},"errors":[{"name":"Error","message":"one"}],"thrown":{"$bytes":"BQ=="}}}
      "
    `)
  })

  it('of MessagePack stay as they are', () => {
    const msgpack = createCodec('msgpack')
    expect(`\n${all.map((message) => `${message.type} ${hex(msgpack.encode(message))}`).join('\n')}\n`)
      .toMatchInlineSnapshot(`
        "
        hello 87a474797065a568656c6c6fa870726f746f636f6c82a56d616a6f7201a56d696e6f7200a6636f6465637392a76d73677061636ba46a736f6ea8666561747572657391a7696e7370656374a66c696d69747382aa6672616d654279746573ce00a00000a5646570746840a873657474696e677382ac6261636b5072657373757265a5626c6f636bab6865617274626561744d73cd01f4b16f757470757457696e646f774279746573ce00010000
        hello 88a474797065a568656c6c6fa870726f746f636f6c82a56d616a6f7201a56d696e6f7200a6636f6465637391a46a736f6ea8666561747572657391ab636f6e63757272656e6379a66c696d69747382aa6672616d654279746573ce00a00000a5646570746840a873657474696e677380b16f757470757457696e646f77427974657301b76d6178436f6e63757272656e74457865637574696f6e7303
        execute 88a474797065a765786563757465ab657865637574696f6e4964ab657865637574696f6e2d31a4636f6465a531202b2031a866696c656e616d65a4612e7473a86c616e6775616765a27473a5726f757465a46175746fac73746f7265486973746f7279c2ab7472616e73616374696f6eb3726f6c6c6261636b2d6f6e2d6661696c757265
        execute 83a474797065a765786563757465ab657865637574696f6e4964ab657865637574696f6e2d32a4636f6465a2c3a9
        input-response 84a474797065ae696e7075742d726573706f6e7365ab657865637574696f6e4964a3652d31a7696e7075744964a3692d31a6616e7377657282a46b696e64a474657874a474657874a3416461
        input-response 84a474797065ae696e7075742d726573706f6e7365ab657865637574696f6e4964a3652d31a7696e7075744964a3692d31a6616e7377657281a46b696e64a3656f66
        input-response 84a474797065ae696e7075742d726573706f6e7365ab657865637574696f6e4964a3652d31a7696e7075744964a3692d31a6616e7377657281a46b696e64a974696d65642d6f7574
        input-response 84a474797065ae696e7075742d726573706f6e7365ab657865637574696f6e4964a3652d31a7696e7075744964a3692d31a6616e7377657282a46b696e64a772656675736564a56572726f7283a46e616d65ac43617073756c654572726f72a76d657373616765a26e6fa4636f6465b14341504142494c4954595f44454e494544
        capabilities 82a474797065ac6361706162696c6974696573a86d616e696665737483ac6361706162696c69746965739482a46e616d65aa66696c65732e72656164a772657475726e73a576616c756583a46e616d65ab66696c65732e7772697465a772657475726e73a576616c7565a4626f647982a56669656c64a464617461a8706f736974696f6e0183a46e616d65aa687474702e6665746368a772657475726e73a8726573706f6e7365a4626f647981a56669656c64a4626f647982a46e616d65b066696c65732e7265616453747265616da772657475726e73a4626f6479a56e616d65739182a46e616d65a56665746368aa6361706162696c697479aa687474702e6665746368a5696e707574c3
        capability-response 84a474797065b36361706162696c6974792d726573706f6e7365ab657865637574696f6e4964a3652d31a663616c6c4964a663616c6c2d31a6616e7377657283a46b696e64a576616c7565a576616c7565c40102a4626f6479c3
        capability-response 84a474797065b36361706162696c6974792d726573706f6e7365ab657865637574696f6e4964a3652d31a663616c6c4964a663616c6c2d32a6616e7377657282a46b696e64a56572726f72a56572726f7283a46e616d65ac43617073756c654572726f72a76d657373616765a26e6fa4636f6465b14341504142494c4954595f44454e494544
        cancel 84a474797065a663616e63656cab657865637574696f6e4964a3652d31a6726561736f6ea974696d65642d6f7574ad636f6f70657261746976654d7332
        interrupt 82a474797065a9696e74657272757074ad636f6f70657261746976654d7300
        inspect 83a474797065a7696e7370656374a9726571756573744964a3722d31a5717565727981a477686174a96e616d657370616365
        inspect 83a474797065a7696e7370656374a9726571756573744964a3722d31a5717565727983a477686174ab636f6d706c6574696f6e73a4636f6465a3636f6ea6637572736f7203
        inspect 83a474797065a7696e7370656374a9726571756573744964a3722d31a5717565727982a477686174ac636f6d706c6574656e657373a4636f6465a17b
        stream-credit 83a474797065ad73747265616d2d637265646974a873747265616d4964a66f7574707574a56279746573ce00011170
        checkpoint 83a474797065aa636865636b706f696e74a9726571756573744964a3632d31aa6c696d69744279746573ce000f4240
        restore 83a474797065a7726573746f7265a9726571756573744964a3632d31a46d6f6465a56d65726765
        reset 83a474797065a57265736574a9726571756573744964a3722d31ad636f6f70657261746976654d731e
        execute 85a474797065a765786563757465ab657865637574696f6e4964ab657865637574696f6e2d33a4636f6465a131ac73746f7265486973746f7279c2a67761726d7570c3
        shutdown 82a474797065a873687574646f776ea767726163654d7364
        stream-open 84a474797065ab73747265616d2d6f70656ea873747265616d4964a26831a46e616d65a8c3a9202f20616c6cab77696e646f774279746573ce00100000
        stream-data 84a474797065ab73747265616d2d64617461a873747265616d4964a26831a46b696e64a56279746573a464617461c40200ff
        stream-data 84a474797065ab73747265616d2d64617461a873747265616d4964a27731a46b696e64a576616c7565a464617461c40102
        stream-credit 83a474797065ad73747265616d2d637265646974a873747265616d4964a26331a56279746573ce00011170
        stream-close 83a474797065ac73747265616d2d636c6f7365a873747265616d4964a26831a473696465a57772697465
        stream-close 84a474797065ac73747265616d2d636c6f7365a873747265616d4964a26831a473696465a472656164a56572726f7289a46e616d65a54572726f72a76d657373616765a26e6fa4636f6465a145a5737461636ba94572726f723a206e6fa46c696e6501a6636f6c756d6e02a5636175736582a46e616d65a54572726f72a76d657373616765a3776879a66572726f72739182a46e616d65a54572726f72a76d657373616765a36f6e65a67468726f776ec40105
        ready 89a474797065a57265616479a870726f746f636f6c82a56d616a6f7201a56d696e6f7200a5636f646563a76d73677061636ba8666561747572657391a7696e7370656374a66c696d69747382aa6672616d654279746573ce00a00000a5646570746840a873657474696e67738aac6261636b5072657373757265a5626c6f636bb16f75747075744275666665724279746573ce00100000b06f75747075744368756e6b4279746573ce00010000ae647261696e54696d656f75744d73cd7530b37375707072657373447261696e4572726f7273c2ab6865617274626561744d73cd03e8aa76616c75654279746573ce00800000aa76616c7565446570746864aa746578744c656e677468ce000186a0a5726f757465a46175746fa96578656375746f72739184a46e616d65a56173796e63aa707265656d7074697665c2a973796e63496e707574c2aa636f6e63757272656e74c3a37069642aab6e6f646556657273696f6ea87632342e32312e30
        ack 82a474797065a361636bab657865637574696f6e4964a3652d31
        heartbeat 89a474797065a9686561727462656174a873657175656e636501a8757074696d654d73cb4029000000000000a87273734279746573ce02faf080ad68656170557365644279746573ce004c4b40a56370754d731eb06576656e744c6f6f7044656c61794d7300a862696e64696e677302ab657865637574696f6e4964a3652d31
        output 84a474797065a66f7574707574ab657865637574696f6e4964a3652d31a673747265616da67374646f7574a474657874a368690a
        output 85a474797065a66f7574707574ab657865637574696f6e4964a3652d31a673747265616da6737464657272a474657874a46c617465a46c617465c3
        display 89a474797065a7646973706c6179ab657865637574696f6e4964a3652d31a9646973706c61794964a56368617274a6616374696f6ea473686f77a46461746183aa746578742f706c61696ea2c3a9a9696d6167652f706e67c4028950b06170706c69636174696f6e2f6a736f6e81a46a736f6ea77b2261223a317da86d65746164617461ab7b227769647468223a327da97472756e6361746564c3a764726f7070656491a9746578742f68746d6ca46c617465c3
        display 86a474797065a7646973706c6179ab657865637574696f6e4964a3652d31a9646973706c61794964a56368617274a6616374696f6ea6757064617465a46461746181a9696d6167652f706e67c4014ea47061727482a5696e64657801a5636f756e7402
        display 85a474797065a7646973706c6179ab657865637574696f6e4964a3652d31a9646973706c61794964a56368617274a6616374696f6ea5636c656172a46461746180
        progress 85a474797065a870726f6772657373ab657865637574696f6e4964a3652d31a4646f6e65cb3fe0000000000000a5746f74616c03a474657874a772656164696e67
        progress 83a474797065a870726f6772657373ab657865637574696f6e4964a3652d31a4646f6e6501
        input-request 86a474797065ad696e7075742d72657175657374ab657865637574696f6e4964a3652d31a7696e7075744964a3692d31a670726f6d7074a54e616d653fa6736563726574c3a974696d656f75744d73cd03e8
        capability-request 88a474797065b26361706162696c6974792d72657175657374ab657865637574696f6e4964a3652d31a663616c6c4964a663616c6c2d31aa6361706162696c697479aa687474702e6665746368a461726773c40202ffae6964656d706f74656e63794b6579a46b20c3a9a974696d656f75744d73cb4025000000000000a4626f6479c3
        capability-request 85a474797065b26361706162696c6974792d72657175657374ab657865637574696f6e4964a3652d31a663616c6c4964a663616c6c2d32aa6361706162696c697479a3612e62a461726773c40100
        capability-cancel 83a474797065b16361706162696c6974792d63616e63656cab657865637574696f6e4964a3652d31a663616c6c4964a663616c6c2d31
        result 8ba474797065a6726573756c74ab657865637574696f6e4964a3652d31a463656c6c03a46d6f6465a673696d706c65a86578656375746f72a87468726561646564aa6475726174696f6e4d73cb3ff8000000000000a66f757470757483a5627974657302ac64726f70706564427974657300ad64726f707065644368756e6b7300a77461696e746564c3a474657874a132a576616c7565c40202ffa97472756e6361746564c3
        result 89a474797065a6726573756c74ab657865637574696f6e4964a3652d31a463656c6c03a46d6f6465a673696d706c65a86578656375746f72a87468726561646564aa6475726174696f6e4d73cb3ff8000000000000a66f757470757483a5627974657302ac64726f70706564427974657300ad64726f707065644368756e6b7300ab7472616e73616374696f6e82a6616374696f6eab726f6c6c65642d6261636ba67265706f72749184a46e616d65a161a6737461747573a7736b6970706564a6726561736f6ea570726f7879a664657461696ca7612050726f7879a474657874a9756e646566696e6564
        error 8ba474797065a56572726f72a87465726d696e616cc3ab657865637574696f6e4964a3652d31a463656c6c03a46d6f6465a673696d706c65a86578656375746f72a87468726561646564aa6475726174696f6e4d73cb3ff8000000000000a66f757470757483a5627974657302ac64726f70706564427974657300ad64726f707065644368756e6b7300a6737461747573a963616e63656c6c6564a472756e6701a56572726f7286a46e616d65a9547970654572726f72a76d657373616765a26e6fa5737461636bad547970654572726f723a206e6fa46c696e6502a6636f6c756d6e07a5636175736582a46e616d65a54572726f72a76d657373616765a3776879
        error 83a474797065a56572726f72a87465726d696e616cc2a56572726f7283a46e616d65a135a76d657373616765a135a67468726f776ec40105
        error 85a474797065a56572726f72a87465726d696e616cc2ab657865637574696f6e4964a3652d31a46c617465c3a56572726f7284a46e616d65ae4167677265676174654572726f72a76d657373616765a46d616e79a4636f6465a145a66572726f72739182a46e616d65a54572726f72a76d657373616765a36f6e65
        inspect-result 83a474797065ae696e73706563742d726573756c74a9726571756573744964a3722d31a6616e7377657283a477686174a96e616d657370616365a862696e64696e67739184a46e616d65a161a46b696e64a5636f6e7374a474797065a66e756d626572a770726576696577a131a97472756e6361746564c3
        reset-result 83a474797065ac72657365742d726573756c74a9726571756573744964a3722d31a6616e7377657282a46b696e64a57265736574a46c65667491ab70726f636573732e656e76
        reset-result 83a474797065ac72657365742d726573756c74a9726571756573744964a3722d31a6616e7377657282a46b696e64a66661696c6564a56572726f7282a46e616d65a54572726f72a76d657373616765a178
        inspect-result 83a474797065ae696e73706563742d726573756c74a9726571756573744964a3722d31a6616e7377657283a477686174ab636f6d706c6574696f6e73a56e616d657391a5636f6e7374a466726f6d00
        inspect-result 83a474797065ae696e73706563742d726573756c74a9726571756573744964a3722d31a6616e7377657282a477686174ac636f6d706c6574656e657373a6737461747573aa696e636f6d706c657465
        inspect-result 83a474797065ae696e73706563742d726573756c74a9726571756573744964a3722d31a6616e7377657282a477686174a76661696c757265a56572726f7282a46e616d65a54572726f72a76d657373616765a178
        stream-open 84a474797065ab73747265616d2d6f70656ea873747265616d4964a26831a46e616d65a8c3a9202f20616c6cab77696e646f774279746573ce00100000
        stream-data 84a474797065ab73747265616d2d64617461a873747265616d4964a26831a46b696e64a56279746573a464617461c40200ff
        stream-data 84a474797065ab73747265616d2d64617461a873747265616d4964a27731a46b696e64a576616c7565a464617461c40102
        stream-credit 83a474797065ad73747265616d2d637265646974a873747265616d4964a26331a56279746573ce00011170
        stream-close 83a474797065ac73747265616d2d636c6f7365a873747265616d4964a26831a473696465a57772697465
        stream-close 84a474797065ac73747265616d2d636c6f7365a873747265616d4964a26831a473696465a472656164a56572726f7289a46e616d65a54572726f72a76d657373616765a26e6fa4636f6465a145a5737461636ba94572726f723a206e6fa46c696e6501a6636f6c756d6e02a5636175736582a46e616d65a54572726f72a76d657373616765a3776879a66572726f72739182a46e616d65a54572726f72a76d657373616765a36f6e65a67468726f776ec40105
        "
      `)
  })
})

describe.each(['msgpack', 'json'] as const)('%s', (name) => {
  const codec = createCodec(name)
  it.each(hostSamples)('carries $type of the host unchanged', (message) => {
    expect(plain(parseHostMessage(codec.decode(codec.encode(message), defaultLimits)))).toEqual(plain(message))
  })

  it.each(workerSamples)('carries $type of the worker unchanged', (message) => {
    expect(plain(parseWorkerMessage(codec.decode(codec.encode(message), defaultLimits)))).toEqual(plain(message))
  })
})

/** Bytes may come as a Buffer, which is a Uint8Array. */
const plain = (message: object): unknown => JSON.parse(JSON.stringify(message, bytesAsText))

function bytesAsText(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key]
  return original instanceof Uint8Array ? `bytes ${hex(original)}` : value
}
