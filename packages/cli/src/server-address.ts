import { Failure } from './failure.ts';
import { showName } from './text/escape.ts';

const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * The address of a server that an option names.
 * @throws {Failure} `usage` for anything but HTTPS; HTTP is for this machine alone.
 */
export function parseServerAddress(text: string, option: string): URL {
  const url = URL.parse(text);
  const safe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  if (url !== null && safe && url.username === '' && url.password === '') return url;
  throw new Failure('usage', `${option} is no address that can be used: ${showName(text)}`, {
    field: option,
    hint: 'Give an https:// address. Plain http:// is for a server on this machine.',
  });
}
