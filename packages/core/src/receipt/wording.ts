import { DENIALS } from '../denial.ts';
import { grantPhrase } from './argument-words.ts';
import { caveatFacts, demandFacts } from './caveat-words.ts';
import { checkFacts } from './check-words.ts';
import type {
  DeniedReceipt,
  HopTime,
  PermittedCall,
  Reach,
  Receipt,
  ReceiptAuthority,
  ReceiptDelegator,
  ReceiptHop,
  ReceiptKey,
} from './model.ts';
import { join, name, type Phrase } from './phrase.ts';
import { durationText } from './time-text.ts';

/** A line with a label in front: of a hop, a break, a call or of what is left. */
export interface Fact {
  readonly label: string;
  readonly phrase: Phrase;
}

/** The one status line, split where its tone changes. */
export function statusWords(receipt: Receipt): { readonly word: string; readonly rest: Phrase } {
  if (receipt.status === 'verified') return { word: 'VERIFIED', rest: [] };
  const { code, hop, step } = receipt.denial;
  const places: Phrase[] = [];
  if (hop !== undefined) places.push([`hop ${hop}`]);
  if (step !== undefined) places.push(['step ', name(step)]);
  const where = places.length === 0 ? [] : [' (', ...join(places, ', '), ')'];
  return { word: 'DENIED', rest: [name(code), ...where] };
}

/** One sentence that says what the receipt is about. */
export function summary(receipt: Receipt): Phrase {
  const { presented = 0 } = receipt;
  const chain = presented === 1 ? 'a root token alone' : `a chain of ${presented} tokens`;
  if (receipt.status === 'verified') {
    if (receipt.call === undefined) return [`Checked: ${chain}, every step.`];
    return ['The call of ', name(receipt.call.tool), ` is permitted by ${chain} and a proof.`];
  }
  if (receipt.break !== undefined) {
    return presented === 0
      ? ['No token was presented.']
      : [`Of ${counted(presented, 'token')} presented, ${receipt.hops.length} passed.`];
  }
  if (receipt.presented === undefined)
    return ['The call is refused. The verdict has no chain to draw.'];
  return [`The call is refused. It was made under ${chain}.`];
}

/** A party by the reader's name for its key, else by the key. */
export function partyPhrase(party: ReceiptDelegator): Phrase {
  if (party.issuer !== undefined) return [name(party.issuer)];
  if (party.name !== undefined) return [name(party.name)];
  return party.thumbprint === undefined ? [] : ['key ', { thumbprint: party.thumbprint }];
}

/** A party's key, where {@link partyPhrase} has said a name. */
export function keyPhrase(party: ReceiptDelegator): Phrase {
  const { issuer, name: given, thumbprint } = party;
  if (thumbprint === undefined || (issuer === undefined && given === undefined)) return [];
  const called: Phrase = issuer !== undefined && given !== undefined ? [name(given), ', '] : [];
  return [...called, 'key ', { thumbprint }];
}

export function hopFacts(hop: ReceiptHop): readonly Fact[] {
  const { time, depth, audience, token, caveats } = hop;
  const lowered = (depth.parent_max_depth ?? depth.max_depth) !== depth.max_depth;
  const { before, after } = audience;
  const reach = reachPhrase(after);
  const [scope, freshness] = checkFacts(hop.checks);
  return [
    scope,
    {
      label: 'time',
      phrase: [`ends ${time.expires_at} (${endText(time)})`, leftText(time.seconds_left)],
    },
    {
      label: 'depth',
      phrase: [
        lowered ? `most ${depth.parent_max_depth} → ` : 'most ',
        `${depth.max_depth}, here ${depth.depth}: ${furtherText(depth.further_hops)}`,
      ],
    },
    {
      label: 'audience',
      phrase:
        before === undefined || sameReach(before, after)
          ? reach
          : [...reachPhrase(before), ' → ', ...reach],
    },
    ...caveatFacts(caveats),
    freshness,
    { label: 'token', phrase: [name(token.id)] },
  ];
}

export function authorityFacts(authority: ReceiptAuthority): readonly Fact[] {
  return [
    {
      label: 'time',
      phrase: [`until ${authority.expires_at}`, leftText(authority.seconds_left)],
    },
    { label: 'depth', phrase: [furtherText(authority.further_hops)] },
    { label: 'audience', phrase: reachPhrase(authority.audience) },
    ...demandFacts(authority.caveats),
  ];
}

/** A reason is a sentence of the verifier's own; anything else in it is quoted. */
const PLAIN: RegExp = /^[ -~]+$/;

/** What was found, in our words and in the denial's facts. Only for the place of the fault: the status line has the code. */
export function denialFacts(receipt: DeniedReceipt): readonly Fact[] {
  const { code, step, facts } = receipt.denial;
  const { tool, argument, parent, constraint, ...others } = facts;
  const found: Fact[] = [];
  found.push({
    label: 'code',
    phrase: [name(code), ...(step === undefined ? [] : [', step ', name(step)])],
  });
  if (Object.hasOwn(DENIALS, code)) found.push({ label: 'found', phrase: [DENIALS[code].summary] });
  if (tool !== undefined) found.push({ label: 'tool', phrase: [name(tool)] });
  if (argument !== undefined) found.push({ label: 'argument', phrase: [name(argument)] });
  if (parent !== undefined && constraint !== undefined) {
    found.push({ label: 'type', phrase: [name(parent), ' → ', name(constraint)] });
  } else if (constraint !== undefined) {
    found.push({ label: 'type', phrase: [name(constraint)] });
  }
  const allowed = receipt.break?.parent_grant ?? receipt.call?.grant;
  if (allowed !== undefined) found.push({ label: 'allowed', phrase: grantPhrase(allowed) });
  for (const [label, text] of Object.entries(others)) {
    found.push({ label, phrase: [label === 'reason' && PLAIN.test(text) ? text : name(text)] });
  }
  const signer = receipt.break?.expected_signer;
  if (signer !== undefined)
    found.push({ label: 'signer', phrase: ['has to be ', ...signerPhrase(signer)] });
  return found;
}

/** What lies before and after the token at fault; undefined where nothing does. */
export function unexaminedText(count: number): string | undefined {
  return count === 0 ? undefined : `${counted(count, 'token')}, not examined`;
}

/** The heading of what hangs at the end of the chain: the call or the break, and what became of it. */
export function endPhrase(receipt: Receipt): { readonly lead: string; readonly rest: Phrase } {
  const { call } = receipt;
  const tool: Phrase = call?.tool === undefined ? [] : [' of ', name(call.tool)];
  if (receipt.status === 'verified') return { lead: 'call', rest: [...tool, ' permitted'] };
  if (receipt.break === undefined) return { lead: 'call', rest: [...tool, ' refused'] };
  const { hop } = receipt.break;
  return hop === undefined
    ? { lead: 'chain', rest: [' refused as a whole'] }
    : { lead: `hop ${hop}`, rest: [' breaks the chain'] };
}

export function proofPhrase({ proof }: PermittedCall): Phrase {
  return proof === undefined
    ? ['none: made in a session']
    : [name(proof.id), `, signed ${proof.issued_at}`];
}

function signerPhrase(signer: ReceiptKey): Phrase {
  return [
    ...partyPhrase(signer),
    ...(signer.name === undefined ? [] : [', ', ...keyPhrase(signer)]),
  ];
}

function reachPhrase(reach: Reach): Phrase {
  if (reach === 'anywhere') return ['anywhere'];
  if (reach.length === 0) return ['nowhere'];
  return [
    'only at ',
    ...join(
      reach.map((place) => [name(place)]),
      ', ',
    ),
  ];
}

function sameReach(before: Reach, after: Reach): boolean {
  return before === after || (before !== 'anywhere' && before.length === after.length);
}

function endText({ lifetime, shortened_by: shortened }: HopTime): string {
  if (shortened === undefined) return `${durationText(lifetime)} after issue`;
  return shortened === 0 ? 'as its parent' : `${durationText(shortened)} before its parent`;
}

function leftText(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  return seconds === 0 ? ', over' : `, ${durationText(seconds)} left`;
}

function furtherText(hops: number): string {
  return hops === 0 ? 'no hop may follow' : `${counted(hops, 'more hop')} may follow`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
