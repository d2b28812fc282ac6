import { type ArgumentWords, authorityWords, callArguments, toolWords } from './argument-words.ts';
import { STYLE, STYLE_HASH } from './html-style.ts';
import { type Markup, markup, NOTHING, phraseMarkup } from './markup.ts';
import type {
  Receipt,
  ReceiptAuthority,
  ReceiptDelegator,
  ReceiptHop,
  ToolChange,
} from './model.ts';
import { name, type Phrase } from './phrase.ts';
import { requireReceipt } from './receipt.ts';
import {
  authorityFacts,
  denialFacts,
  endPhrase,
  type Fact,
  hopFacts,
  keyPhrase,
  partyPhrase,
  proofPhrase,
  statusWords,
  summary,
  unexaminedText,
} from './wording.ts';

/**
 * A receipt as one self-contained HTML file: no script, nothing loaded, and a Content-Security-Policy that allows its own style only.
 * @throws {TaperError} `not_verified` for a receipt that `createReceipt` did not make.
 */
export function renderReceiptHtml(receipt: Receipt): string {
  const style: Markup = { html: STYLE };
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Taper receipt</title>
<style>${style}</style>
</head>
<body>
<main class="${receipt.status}">
${receiptMarkup(receipt)}
<footer><p>Drawn from the verdict of a verifier. Values of a call's arguments are left out. This page proves nothing by itself: to check it, verify the chain.</p></footer>
</main>
</body>
</html>
`.html;
}

/**
 * A receipt as part of a page with {@link STYLE}, to be put into an element whose class is the receipt's `status`.
 * @throws {TaperError} `not_verified` for a receipt that `createReceipt` did not make.
 */
export function receiptMarkup(receipt: Receipt): Markup {
  requireReceipt(receipt);
  const { word, rest } = statusWords(receipt);
  const asOf =
    receipt.as_of === undefined ? NOTHING : markup`<p class="quiet">As of ${receipt.as_of}</p>`;
  return markup`<header>
<p class="quiet">Taper receipt</p>
<h1><span class="word">${word}</span> <span class="code">${phraseMarkup(rest)}</span></h1>
<p>${phraseMarkup(summary(receipt))}</p>
${asOf}
</header>
<ol class="chain">
${receipt.hops.map(hopItems)}
${endItems(receipt)}
</ol>
${receipt.authority === undefined ? NOTHING : authoritySection(receipt.authority)}`;
}

function hopItems(hop: ReceiptHop): Markup {
  const first = hop.hop === 0 ? partyItem(hop.from, 'anchor') : NOTHING;
  const tools = hop.tools.length === 0 ? markup`<p>no tool</p>` : hop.tools.map(toolChange);
  return markup`${first}
<li class="hop">
<article>
<h2>hop ${hop.hop} <span class="quiet">${hop.hop === 0 ? 'issues to' : 'delegates to'} ${phraseMarkup(partyPhrase(hop.to))}</span></h2>
${tools}
${factList(hopFacts(hop))}
</article>
</li>
${partyItem(hop.to, 'holder')}`;
}

function partyItem(party: ReceiptDelegator, kind: 'anchor' | 'holder'): Markup {
  return markup`<li class="${kind}"><strong>${phraseMarkup(partyPhrase(party))}</strong> <span class="quiet">${phraseMarkup(keyPhrase(party))}</span></li>`;
}

function toolChange(tool: ToolChange): Markup {
  const heading = markup`<h3><code>${phraseMarkup([name(tool.tool)])}</code> <span class="chip ${tool.change}">${tool.change}</span></h3>`;
  return markup`<section class="tool ${tool.change}">${heading}${argumentList(toolWords(tool))}</section>`;
}

function argumentList(rows: readonly ArgumentWords[]): Markup {
  if (rows.length === 0) return NOTHING;
  return markup`<dl class="arguments">${rows.map(argumentRow)}</dl>`;
}

function argumentRow({ argument, before, after, tone }: ArgumentWords): Markup {
  const label: Phrase = [argument === undefined ? '*' : name(argument)];
  const was =
    before === undefined ? NOTHING : markup`<span class="before">${phraseMarkup(before)}</span> → `;
  return markup`<dt><code>${phraseMarkup(label)}</code></dt><dd class="${tone}">${was}<span class="after">${phraseMarkup(after)}</span></dd>`;
}

function factList(facts: readonly Fact[]): Markup {
  const rows = facts.map(
    ({ label, phrase }) =>
      markup`<dt>${phraseMarkup([name(label)])}</dt><dd>${phraseMarkup(phrase)}</dd>`,
  );
  return markup`<dl class="facts">${rows}</dl>`;
}

/** What hangs at the end of the chain: the call, or the break. */
function endItems(receipt: Receipt): Markup {
  const { lead, rest } = endPhrase(receipt);
  const heading = markup`<h2><em>${lead}</em>${phraseMarkup(rest)}</h2>`;
  if (receipt.status === 'verified') {
    const { call } = receipt;
    if (call === undefined) return NOTHING;
    const facts = factList([{ label: 'proof', phrase: proofPhrase(call) }]);
    return markup`<li class="permitted"><article>${heading}${argumentList(callArguments(call))}${facts}</article></li>`;
  }
  const { break: broken } = receipt;
  return markup`${unexaminedItem(broken?.unverified_before)}
<li class="${broken === undefined ? 'refused' : 'break'}"><article>${heading}${factList(denialFacts(receipt))}</article></li>
${unexaminedItem(broken?.not_examined)}`;
}

function unexaminedItem(count: number | undefined): Markup {
  const text = unexaminedText(count ?? 0);
  return text === undefined ? NOTHING : markup`<li class="unexamined">${text}</li>`;
}

function authoritySection(authority: ReceiptAuthority): Markup {
  const tools = authority.tools.map(
    (tool) =>
      markup`<section class="tool"><h3><code>${phraseMarkup([name(tool.tool)])}</code></h3>${argumentList(authorityWords(tool))}</section>`,
  );
  return markup`<section class="left">
<h2>What is left</h2>
${tools.length === 0 ? markup`<p>no tool</p>` : tools}
${factList(authorityFacts(authority))}
</section>`;
}
