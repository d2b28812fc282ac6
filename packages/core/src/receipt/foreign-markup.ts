import { type Markup, phraseMarkup } from './markup.ts';
import { name } from './phrase.ts';

/** Text from a token, an event or a call: what would act on a page, hide or reorder is made visible, and long text loses its middle. */
export function foreignMarkup(text: string): Markup {
  return phraseMarkup([name(text)]);
}

/** JSON text from outside, as {@link foreignMarkup}. */
export function jsonMarkup(text: string): Markup {
  return phraseMarkup([{ foreign: text, form: 'json' }]);
}

/** A key's thumbprint. */
export function keyMarkup(thumbprint: string): Markup {
  return phraseMarkup([{ thumbprint }]);
}
