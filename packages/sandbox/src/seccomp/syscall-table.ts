/** Processor architectures that there is a table for; the names are Node's (`process.arch`). */
export type SeccompArch = 'x64' | 'arm64'

export interface SyscallTable {
  /** AUDIT_ARCH_* of linux/audit.h: a call by another convention (32 bit on x64) has other numbers. */
  readonly auditArch: number
  readonly numberOf: (name: SyscallName) => number | undefined
}

/**
 * Calls that are refused with EPERM: [x64, arm64], `undefined` where the architecture has no such call. The numbers are
 * those of asm/unistd_64.h and asm-generic/unistd.h.
 */
const refused = {
  // processes
  fork: [57, undefined],
  vfork: [58, undefined],
  execveat: [322, 281],
  setns: [308, 268],
  unshare: [272, 97],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  kcmp: [312, 272],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  // sockets: those that the worker was given need none of these
  socket: [41, 198],
  socketpair: [53, 199],
  bind: [49, 200],
  listen: [50, 201],
  accept: [43, 202],
  accept4: [288, 242],
  connect: [42, 203],
  sendto: [44, 206],
  recvfrom: [45, 207],
  sendmsg: [46, 211],
  recvmsg: [47, 212],
  sendmmsg: [307, 269],
  recvmmsg: [299, 243],
  // memory that no limit of the worker counts
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  shmget: [29, 194],
  shmat: [30, 196],
  shmctl: [31, 195],
  semget: [64, 190],
  semop: [65, 193],
  semtimedop: [220, 192],
  msgget: [68, 186],
  msgsnd: [69, 189],
  msgrcv: [70, 188],
  mq_open: [240, 180],
  mq_unlink: [241, 181],
  // large parts of the kernel that a worker has no use for
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  seccomp: [317, 277],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  lookup_dcookie: [212, 18],
  // mounts
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  move_mount: [429, 429],
  open_tree: [428, 428],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  statmount: [457, 457],
  listmount: [458, 458],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  mknod: [133, undefined],
  mknodat: [259, 33],
  // the machine
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  create_module: [174, undefined],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  syslog: [103, 116],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  iopl: [172, undefined],
  ioperm: [173, undefined],
  modify_ldt: [154, undefined],
  personality: [135, 92],
  vhangup: [153, 58],
  nfsservctl: [180, 42],
  uselib: [134, undefined],
  ustat: [136, undefined],
  sysfs: [139, undefined],
  _sysctl: [156, undefined],
  // placement of memory
  mbind: [237, 235],
  set_mempolicy: [238, 237],
  get_mempolicy: [239, 236],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  set_mempolicy_home_node: [450, 450],
} as const satisfies Readonly<Record<string, readonly [number | undefined, number | undefined]>>

/** Calls whose arguments decide. */
const examined = { clone: [56, 220], clone3: [435, 435], ioctl: [16, 29] } as const

export type SyscallName = keyof typeof refused | keyof typeof examined

export const refusedSyscalls = Object.keys(refused) as readonly (keyof typeof refused)[]

/** The last number that the tables were made with: later kernels have calls that nobody has looked at. It is mseal's. */
export const newestSyscall = 462

const columns = { x64: 0, arm64: 1 } as const
const auditArchs = { x64: 0xc000003e, arm64: 0xc00000b7 } as const

export function syscallTable(arch: SeccompArch): SyscallTable {
  const numbers: Readonly<Record<string, readonly (number | undefined)[]>> = { ...refused, ...examined }
  return { auditArch: auditArchs[arch], numberOf: (name) => numbers[name]?.[columns[arch]] }
}
