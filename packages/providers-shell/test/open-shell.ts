import type { CapabilityContext, CapabilityProvider, CapabilityReply } from '@capsule/provider-sdk'
import { silentLogger } from '@capsule/core'
import { onTestFinished } from 'vitest'
import { shell, type ShellEvent, type ShellOptions } from '@capsule/providers-shell'
