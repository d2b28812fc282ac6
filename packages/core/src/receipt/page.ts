/** What a self-contained report is drawn with: escaped templates, and the style of the receipt. */
export { STYLE, STYLE_HASH } from './html-style.ts';
export { type Markup, markup, NOTHING } from './markup.ts';
