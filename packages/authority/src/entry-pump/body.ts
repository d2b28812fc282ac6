import { readAuthorityEntryBody, TaperError } from '@taper/core';

/**
 * Refuses what could not become an entry of the log, before it is stored and holds up all that comes after it. For stores.
 * @throws {TaperError} `option_invalid`.
 */
export function requireEntryBody(body: string): void {
  if (readAuthorityEntryBody(body) !== undefined) return;
  throw new TaperError('option_invalid', 'This is no body of an authority entry.', {
    hint: 'Make it with writeAuthorityEntryBody.',
  });
}
