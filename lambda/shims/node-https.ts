// See node-http.ts.
const https = process.getBuiltinModule('node:https')

export const Agent = https.Agent
export const request = https.request
export default https
