import { spawnSync } from 'node:child_process';
import type { StartOptions } from './processes.ts';

/** A way to start a process that has no network. */
export interface Isolation {
  /** What it is, for people. */
  readonly name: string;
  readonly options: StartOptions;
}

/** Linux: a network namespace of its own, in which there is nothing. Who is not root needs a namespace of users for it. */
const NAMESPACES: readonly (readonly string[])[] = [
  ['unshare', '--net'],
  ['unshare', '--user', '--map-current-user', '--net'],
];

/** The best way that this machine has. */
export function findIsolation(): Isolation {
  for (const launcher of NAMESPACES) {
    const [command = '', ...options] = launcher;
    const { status } = spawnSync(command, [...options, process.execPath, '--version']);
    if (status === 0)
      return { name: 'an empty network namespace (unshare)', options: { launcher } };
  }
  const imports = ['./no-network.ts'];
  return { name: 'a Node without sockets (no-network.ts)', options: { imports } };
}
