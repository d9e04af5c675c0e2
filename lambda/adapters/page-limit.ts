import { AdministrationError } from '../oauth/administration/administration-error.ts'

const defaultPageSize = 50
const maxPageSize = 100

/** How many entries of a list one page has at most. @throws AdministrationError `invalid_request` */
export function parseLimit(text: string | undefined): number {
  if (text === undefined) return defaultPageSize
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= maxPageSize) return limit
  throw new AdministrationError('invalid_request', `limit must be a whole number from 1 to ${maxPageSize}`)
}
