/** Names of Restate services. Parts have no dots, so that no two of them meet. */
export const groupService = (namespace: string, group: string): string => `${namespace}.group.${group}`
export const hostService = (namespace: string, group: string, host: string): string =>
  `${namespace}.host.${group}.${host}`

/** The one handler of either. */
export const handlerName = 'run'
