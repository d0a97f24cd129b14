/** What a filter answers (linux/seccomp.h). */
export const seccompAnswer = {
  allow: 0x7fff0000,
  killProcess: 0x80000000,
  /** EPERM */
  refuse: 0x00050001,
  /** ENOSYS: as an older kernel would answer, so that callers fall back to what they did before. */
  unknown: 0x00050026,
} as const
