/** A chain of AATs in compact serialization, root first, joined by `~` (docs/token-exchange.md). */
export const AAT_CHAIN = 'urn:taper:token-type:aat-chain';

/** RFC 8693 section 3. */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';

/** What joins the tokens of a chain: it is in no compact serialization, and needs no percent-encoding in a form. */
const JOINT = '~';

/** A chain as `subject_token`. */
export function writeChain(tokens: readonly string[]): string {
  return tokens.join(JOINT);
}

/** The tokens of a chain, root first; `undefined` where one of them is nothing. */
export function readChain(text: string): readonly string[] | undefined {
  const tokens = text.split(JOINT);
  return tokens.includes('') ? undefined : tokens;
}
