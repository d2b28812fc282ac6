import { TaperError } from '../error.ts';
import { type ArgumentWords, authorityWords, callArguments, toolWords } from './argument-words.ts';
import type { Receipt, ReceiptAuthority, ReceiptDelegator, ReceiptHop } from './model.ts';
import { name, type Phrase } from './phrase.ts';
import { requireReceipt } from './receipt.ts';
import { type LineStyle, labelColumns, layout, type Span, type Tone } from './text-layout.ts';
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

export interface ReceiptTextOptions {
  /** Colour by ECMA-48 codes. The caller decides, by the terminal and `NO_COLOR`. Default false. */
  readonly color?: boolean;
  /** Columns that no line exceeds; less than 40 counts as 40. Default 80. */
  readonly width?: number;
}

type Write = (style: LineStyle, ...spans: readonly Span[]) => void;

const NARROWEST = 40;
const MARGIN: LineStyle = { gutter: '' };
const CHAIN: LineStyle = { gutter: '│  ' };
const BROKEN: LineStyle = { gutter: '┊  ' };
const BESIDE: LineStyle = { gutter: '   ' };

/**
 * A receipt as text for a terminal. The status is the first line and the only one that starts with `VERIFIED` or `DENIED`.
 * Text from tokens has its control, bidi and invisible characters as JSON escapes; what is too long loses its middle, with a count.
 * @throws {TaperError} `not_verified` for a receipt that `createReceipt` did not make; `option_invalid`.
 */
export function renderReceiptText(receipt: Receipt, options: ReceiptTextOptions = {}): string {
  requireReceipt(receipt);
  const { color = false, width = 80 } = options;
  if (!Number.isSafeInteger(width))
    throw new TaperError('option_invalid', '`width` must be a whole number of columns.');
  const page = { color, width: Math.max(width, NARROWEST) };
  const lines: string[] = [];
  const write: Write = (style, ...spans) => {
    lines.push(...layout(spans, style, page));
  };
  writeHeader(receipt, write);
  for (const hop of receipt.hops) writeHop(hop, write);
  writeEnd(receipt, write);
  if (receipt.authority !== undefined) writeAuthority(receipt.authority, write);
  return `${lines.join('\n')}\n`;
}

function writeHeader(receipt: Receipt, write: Write): void {
  const tone = receipt.status === 'verified' ? 'good' : 'bad';
  const { word, rest } = statusWords(receipt);
  write(MARGIN, span(tone, [word, ' ', ...rest]));
  write(MARGIN, span('plain', summary(receipt)));
  if (receipt.as_of !== undefined) write(MARGIN, span('quiet', [`As of ${receipt.as_of}.`]));
  write(MARGIN);
}

function writeHop(hop: ReceiptHop, write: Write): void {
  if (hop.hop === 0) writeParty(hop.from, '◆  ', write);
  write(CHAIN);
  write(
    CHAIN,
    span('strong', [`hop ${hop.hop}`]),
    span('plain', [hop.hop === 0 ? ' issues to ' : ' delegates to ', ...partyPhrase(hop.to)]),
  );
  for (const tool of hop.tools) {
    write(
      { gutter: '│    ' },
      span(tool.change === 'dropped' ? 'quiet' : 'strong', [name(tool.tool)]),
      span(tool.change === 'narrowed' ? 'changed' : 'quiet', [` ${tool.change}`]),
    );
    writeArguments(toolWords(tool), '│      ', write);
  }
  if (hop.tools.length === 0) write({ gutter: '│    ' }, span('plain', ['no tool']));
  writeFacts(hopFacts(hop), '│  ', 'quiet', write);
  write(CHAIN);
  writeParty(hop.to, '●  ', write);
}

/** What hangs at the end of the chain: the call, or the break. */
function writeEnd(receipt: Receipt, write: Write): void {
  const { lead, rest } = endPhrase(receipt);
  if (receipt.status === 'verified') {
    const { call } = receipt;
    if (call === undefined) return;
    write(CHAIN);
    write({ ...BESIDE, mark: '✓  ', markTone: 'good' }, span('good', [lead]), span('plain', rest));
    writeArguments(callArguments(call), '     ', write);
    writeFacts([{ label: 'proof', phrase: proofPhrase(call) }], '   ', 'quiet', write);
    return;
  }
  const { break: broken } = receipt;
  const before = unexaminedText(broken?.unverified_before ?? 0);
  const after = unexaminedText(broken?.not_examined ?? 0);
  if (receipt.hops.length > 0) write(broken === undefined ? CHAIN : BROKEN);
  if (before !== undefined) {
    write({ ...BESIDE, mark: '○  ' }, span('quiet', [before]));
    write(BROKEN);
  }
  write({ ...BESIDE, mark: '✗  ', markTone: 'bad' }, span('bad', [lead]), span('plain', rest));
  writeFacts(denialFacts(receipt), '   ', 'plain', write);
  if (after !== undefined) {
    write(BROKEN);
    write({ ...BESIDE, mark: '○  ' }, span('quiet', [after]));
  }
}

function writeAuthority(authority: ReceiptAuthority, write: Write): void {
  write(MARGIN);
  write(MARGIN, span('strong', ['What is left']));
  for (const tool of authority.tools) {
    write({ gutter: '  ' }, span('strong', [name(tool.tool)]));
    writeArguments(authorityWords(tool), '    ', write);
  }
  if (authority.tools.length === 0) write({ gutter: '  ' }, span('plain', ['no tool']));
  writeFacts(authorityFacts(authority), '', 'quiet', write);
}

function writeParty(party: ReceiptDelegator, mark: string, write: Write): void {
  const key = keyPhrase(party);
  write(
    { gutter: '│  ', mark },
    span('strong', partyPhrase(party)),
    span('quiet', key.length === 0 ? [] : [' (', ...key, ')']),
  );
}

const ARGUMENT_TONES: Readonly<Record<ArgumentWords['tone'], Tone>> = {
  granted: 'plain',
  unchanged: 'quiet',
  narrowed: 'changed',
  dropped: 'quiet',
};

function writeArguments(rows: readonly ArgumentWords[], gutter: string, write: Write): void {
  const label = ({ argument }: ArgumentWords): Phrase => [
    argument === undefined ? '*' : name(argument),
  ];
  const hang = labelColumns(rows.map(label));
  for (const row of rows) {
    const { before, after, tone } = row;
    write(
      { gutter, hang, label: span('plain', label(row)) },
      ...(before === undefined ? [] : [span('quiet', [...before, ' → '])]),
      span(ARGUMENT_TONES[tone], after),
    );
  }
}

function writeFacts(facts: readonly Fact[], indent: string, tone: Tone, write: Write): void {
  const labels = facts.map((fact): Phrase => [name(fact.label)]);
  const hang = labelColumns(labels);
  for (const [index, { phrase }] of facts.entries()) {
    const label = span('quiet', labels[index] ?? []);
    write({ gutter: `${indent}  `, hang, label }, span(tone, phrase));
  }
}

function span(tone: Tone, phrase: Phrase): Span {
  return { tone, phrase };
}
