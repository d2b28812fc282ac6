import { escapeHtml } from './escape.ts';
import { foreignText, type Phrase, type Piece } from './phrase.ts';

/** HTML that {@link markup} made. A plain string is never one. */
export interface Markup {
  readonly html: string;
}

type Content = Markup | string | number | readonly Content[];

/** A template whose every insertion is escaped unless it is markup itself; attribute values in it must be quoted. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let html = parts[0] ?? '';
  for (const [index, content] of contents.entries())
    html += write(content) + (parts[index + 1] ?? '');
  return { html };
}

export const NOTHING: Markup = { html: '' };

function write(content: Content): string {
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  if ('html' in content) return content.html;
  return content.map(write).join('');
}

/** Characters of a foreign word on a page; of longer ones the middle is left out, with a count. */
const LONGEST_WORD = 160;

/** A phrase, with each foreign word isolated, so that its direction of writing moves nothing around it. */
export function phraseMarkup(phrase: Phrase): Markup {
  return markup`${phrase.map(pieceMarkup)}`;
}

function pieceMarkup(piece: Piece): Markup | string {
  if (typeof piece === 'string') return piece;
  if ('thumbprint' in piece) return markup`<code class="key">${piece.thumbprint}</code>`;
  const { text, characters } = foreignText(piece, LONGEST_WORD, { rightToLeft: false });
  const count =
    characters === undefined ? NOTHING : markup` <small>(${characters} characters)</small>`;
  return markup`<bdi>${text}</bdi>${count}`;
}
