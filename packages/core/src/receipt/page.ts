/** What a self-contained report is drawn with: escaped templates, the style of the receipt, and the receipt itself. */

export { foreignMarkup, jsonMarkup, keyMarkup } from './foreign-markup.ts';
export { receiptMarkup } from './html.ts';
export { STYLE, STYLE_HASH } from './html-style.ts';
export { type Markup, markup, NOTHING } from './markup.ts';
export { durationText, timeText } from './time-text.ts';
