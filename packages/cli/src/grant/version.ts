import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';

/** The version of applied grants that an option names. @throws {Failure} `usage`. */
export function parseVersion(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^(?:0|[1-9][0-9]{0,8})$/.test(text)) return Number(text);
  throw new Failure('usage', `${option} is no version: ${showName(text)}`, {
    field: option,
    hint: 'Versions are whole numbers; 0 stands for no grants.',
  });
}
