import { App } from 'aws-cdk-lib'
import { readContextSettings } from '../lib/context-settings.ts'
import { CountersignStack } from '../lib/countersign-stack.ts'

const app = new App()
new CountersignStack(app, 'Countersign', readContextSettings(app.node))
