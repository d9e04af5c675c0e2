import type { AliasRecord } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import {
  aliasArn,
  checkNotPendingDeletion,
  findKeyByIdOrArn,
  type KmsContext,
  type Operation,
  page,
} from './operation.ts'
import { type KmsRequest, optionalInteger, optionalString, requiredString } from './request.ts'

export const aliasOperations: Record<string, Operation> = {
  async CreateAlias(request, context) {
    const name = readAliasName(request)
    const target = findKeyByIdOrArn(request, context, 'TargetKeyId')
    checkNotPendingDeletion(target, context)
    const now = context.now() / 1000
    await context.store.changeAliases(aliases => {
      if (aliases.has(name)) {
        throw new KmsError(
          'AlreadyExistsException',
          `An alias with the name ${aliasArn(name, context)} already exists`,
        )
      }
      return new Map(aliases).set(name, { keyId: target.keyId, createdAt: now, updatedAt: now })
    })
    return {}
  },

  async UpdateAlias(request, context) {
    const name = readAliasName(request)
    const target = findKeyByIdOrArn(request, context, 'TargetKeyId')
    checkNotPendingDeletion(target, context)
    await context.store.changeAliases(aliases => {
      const alias = existing(aliases, name, context)
      const former = context.store.key(alias.keyId)
      if (former?.keySpec !== target.keySpec) {
        throw new KmsError('ValidationException', 'The two keys of an alias must be of the same type.')
      }
      return new Map(aliases).set(name, { ...alias, keyId: target.keyId, updatedAt: context.now() / 1000 })
    })
    return {}
  },

  async DeleteAlias(request, context) {
    const name = readAliasName(request)
    await context.store.changeAliases(aliases => {
      existing(aliases, name, context)
      const rest = new Map(aliases)
      rest.delete(name)
      return rest
    })
    return {}
  },

  ListAliases(request, context) {
    const keyId = request.KeyId === undefined ? undefined : findKeyByIdOrArn(request, context).keyId
    const limit = optionalInteger(request, 'Limit', { from: 1, to: 100 }) ?? 50
    const all = context.store.aliases().filter(([, alias]) => keyId === undefined || alias.keyId === keyId)
    const { items, rest } = page(all, limit, optionalString(request, 'Marker'))
    return {
      Aliases: items.map(([AliasName, alias]) => ({
        AliasName,
        AliasArn: aliasArn(AliasName, context),
        TargetKeyId: alias.keyId,
        CreationDate: alias.createdAt,
        LastUpdatedDate: alias.updatedAt,
      })),
      ...rest,
    }
  },
}

function readAliasName(request: KmsRequest): string {
  const name = requiredString(request, 'AliasName')
  if (!/^alias\/[\w/-]{1,250}$/.test(name)) {
    throw new KmsError('InvalidAliasNameException', `${name} is not alias/ and 1 to 250 of [a-zA-Z0-9/_-]`)
  }
  if (name.startsWith('alias/aws/')) {
    throw new KmsError('NotAuthorizedException', 'The prefix alias/aws/ is reserved.')
  }
  return name
}

function existing(aliases: ReadonlyMap<string, AliasRecord>, name: string, context: KmsContext): AliasRecord {
  const alias = aliases.get(name)
  if (alias === undefined) {
    throw new KmsError('NotFoundException', `Alias ${aliasArn(name, context)} is not found.`)
  }
  return alias
}
