import type { Settings } from '../options.ts';
import { describeFailure, type PortName } from '../port-failure.ts';
import type { Patience } from './ask.ts';

/** How long one port is waited for, and who hears of it when it fails. */
export function patienceWith(
  port: PortName,
  { portTimeout, report }: Pick<Settings, 'portTimeout' | 'report'>,
): Patience {
  return {
    milliseconds: portTimeout,
    failed: (what, cause) => report(describeFailure(port, what, cause)),
  };
}
