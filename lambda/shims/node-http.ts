// `import 'node:http'` makes Node materialise every named export, undici among them (about 29 ms);
// getBuiltinModule does not (about 1 ms). The bundler puts this file in that import's place.
const http = process.getBuiltinModule('node:http')

export const Agent = http.Agent
export const request = http.request
export default http
