import { KmsError } from './kms-error.ts'
import { invalid, type KmsRequest, optionalList } from './request.ts'

const tagsAtMost = 50

/** The member Tags of a request, as a map. @throws KmsError TagException, ValidationException */
export function readTags(request: KmsRequest): Record<string, string> {
  const tags = new Map<string, string>()
  for (const tag of optionalList(request, 'Tags')) {
    const { TagKey, TagValue } = isMembers(tag) ? tag : {}
    if (typeof TagKey !== 'string' || typeof TagValue !== 'string') throw invalid('Tags', 'is not a tag')
    if (TagKey.length < 1 || TagKey.length > 128) throw invalid('TagKey', 'has not 1 to 128 characters')
    if (TagValue.length > 256) throw invalid('TagValue', 'has more than 256 characters')
    if (/^aws:/i.test(TagKey)) throw new KmsError('TagException', 'A tag key must not begin with aws:')
    if (tags.has(TagKey)) throw new KmsError('TagException', `Duplicate tag key ${TagKey}`)
    tags.set(TagKey, TagValue)
  }
  if (tags.size > tagsAtMost) throw new KmsError('LimitExceededException', `More than ${tagsAtMost} tags`)
  return Object.fromEntries(tags)
}

export function readTagKeys(request: KmsRequest): string[] {
  return optionalList(request, 'TagKeys').map(key => {
    if (typeof key !== 'string') throw invalid('TagKeys', 'is not a list of strings')
    return key
  })
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
