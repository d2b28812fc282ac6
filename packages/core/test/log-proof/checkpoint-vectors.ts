import { plusOrder, TEST_TIME, testKey } from '@taper/testkit';
import type { CheckpointVector, KeyVector, LogVectors, TrustText } from './judge.ts';
import { rootOf, someLeaves } from './plain-tree.ts';
import {
  line,
  logLine,
  relined,
  smallOrderLine,
  vkey,
  vkeyOf,
  witnessLine,
} from './signed-line.ts';

export const ORIGIN = 'log.example/authority';
export const log = testKey('log');
export const alice = testKey('witness alice');
const bob = testKey('witness bob');
const carol = testKey('witness carol');

const mallory = testKey('mallory');
const SIZE = 23;
const TIME = TEST_TIME;
const ROOT = Buffer.from(rootOf(someLeaves(SIZE))).toString('base64');
const OTHER = Buffer.from(rootOf(someLeaves(SIZE + 1))).toString('base64');
const EMPTY = Buffer.from(rootOf([])).toString('base64');

export function bodyOf(
  size: number | string = SIZE,
  root: string = ROOT,
  origin: string = ORIGIN,
): string {
  return `${origin}\n${size}\n${root}\n`;
}

export const alone: TrustText = {
  origin: ORIGIN,
  keys: [vkey(log, ORIGIN, 1)],
  witnesses: [],
  quorum: 0,
};
export const witnessed: TrustText = {
  ...alone,
  witnesses: [
    vkey(alice, 'alice.example', 4),
    vkey(bob, 'bob.example', 4),
    vkey(carol, 'carol.example', 4),
  ],
  quorum: 2,
};

const body = bodyOf();
const own = logLine(log, ORIGIN, body);
const byAlice = witnessLine(alice, 'alice.example', body, TIME);
const byBob = witnessLine(bob, 'bob.example', body, TIME + 7);
/** A type that only others know, as long as a signature of ML-DSA-44. */
const unknown = line('pq.example', Buffer.of(1, 2, 3, 4), new Uint8Array(2428).fill(6));

function note(lines: readonly string[], text: string = body): string {
  return `${text}\n${lines.join('')}`;
}

const signed = note([own]);
const cosigned = note([own, byAlice, byBob]);

/** Signed by the log, whatever the text is. */
function signedText(text: string): string {
  return note([logLine(log, ORIGIN, text)], text);
}

type Cosigners = readonly (readonly [string, number])[];

function accepted(
  id: string,
  title: string,
  given: string,
  trust: TrustText = alone,
  { size = SIZE, now = null, cosigners = [] as Cosigners }: Partial<Accepted> = {},
): CheckpointVector {
  return {
    id,
    title,
    note: given,
    trust,
    now,
    expected: {
      problem: null,
      size,
      cosigners: cosigners.map(([name, time]) => ({ name, time })),
    },
  };
}

interface Accepted {
  readonly size: number;
  readonly now: number | null;
  readonly cosigners: Cosigners;
}

function refused(
  id: string,
  title: string,
  problem: string,
  given: string,
  trust: TrustText = alone,
  neighbour = trust === alone ? 'signed' : 'cosigned',
  now: number | null = null,
): CheckpointVector {
  const expected = { problem, size: null, cosigners: null };
  return { id, title, neighbour, note: given, trust, now, expected };
}

const both: Cosigners = [
  ['alice.example', TIME],
  ['bob.example', TIME + 7],
];
const twoNames: TrustText = {
  ...alone,
  witnesses: [vkey(alice, 'alice.example', 4), vkey(alice, 'alias.example', 4)],
  quorum: 1,
};
const byAlias = witnessLine(alice, 'alias.example', body, TIME + 1);
const hundred = Array.from({ length: 99 }, () => unknown.replace(/[A-Za-z0-9+/=]{9,}/, 'AQIDBAY='));

const acceptances: readonly CheckpointVector[] = [
  accepted('signed', 'the log has signed it, and no witness is asked for', signed),
  accepted('cosigned', 'two of three witnesses have cosigned it', cosigned, witnessed, {
    cosigners: both,
  }),
  accepted(
    'unknown-line',
    'a line of a key and type that nobody knows is ignored',
    note([unknown, own]),
  ),
  accepted('hundred-lines', 'it has 100 signature lines', note([...hundred, own])),
  accepted(
    'extension',
    'a line follows the root, and is signed with it',
    signedText(`${body}more\n`),
  ),
  accepted('empty-log', 'the log is empty', signedText(bodyOf(0, EMPTY)), alone, { size: 0 }),
  accepted(
    'greatest-size',
    'N14 the log has 2^53 - 1 entries',
    signedText(bodyOf(Number.MAX_SAFE_INTEGER)),
    alone,
    { size: Number.MAX_SAFE_INTEGER },
  ),
  accepted(
    'rotated-key',
    'the second of two keys of the log has signed it',
    note([logLine(mallory, 'log.example/2027', body)]),
    { ...alone, keys: [...alone.keys, vkey(mallory, 'log.example/2027', 1)] },
  ),
  accepted(
    'two-names-one',
    'N10 a witness with two names has cosigned under both, and counts once',
    note([own, byAlice, byAlias]),
    twoNames,
    { cosigners: [['alice.example', TIME + 1]] },
  ),
  accepted(
    'latest-time',
    'a witness has cosigned twice: the later time counts',
    note([own, witnessLine(alice, 'alice.example', body, TIME + 9), byAlice]),
    { ...witnessed, quorum: 1 },
    { cosigners: [['alice.example', TIME + 9]] },
  ),
  accepted(
    'skew',
    'N10 a cosignature is 60 seconds ahead of the clock',
    note([own, witnessLine(alice, 'alice.example', body, TIME + 60)]),
    { ...witnessed, quorum: 1 },
    { now: TIME, cosigners: [['alice.example', TIME + 60]] },
  ),
  accepted(
    'one-too-late',
    'N10 a cosignature in the future does not count, and is not needed',
    note([own, byAlice, witnessLine(bob, 'bob.example', body, TIME + 61)]),
    { ...witnessed, quorum: 1 },
    { now: TIME, cosigners: [['alice.example', TIME]] },
  ),
];

const malformedNotes: readonly CheckpointVector[] = (
  [
    ['no-signature', 'N09 it has no signature line', `${body}\n`],
    ['no-empty-line', 'no empty line stands before the signature', `${body}${own}`],
    ['no-last-newline', 'the last newline is missing', signed.slice(0, -1)],
    ['text-after', 'a line stands after the signatures', `${signed}more\n`],
    ['carriage-return', 'its lines end in CR LF', signed.replaceAll('\n', '\r\n')],
    ['control-character', 'it has a control character', signedText(`${body}a\u0001b\n`)],
    ['hyphen', 'a hyphen stands in the place of the dash', signed.replace('—', '-')],
    ['no-padding', 'the base64 of the signature lacks its padding', signed.replace(/=+\n$/, '\n')],
    [
      'trailing-bits',
      'the base64 of the signature has a second form',
      signed.replace(/.=\n$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=\n`),
    ],
    [
      'key-id-alone',
      'a line has a key ID and no signature',
      note([own, line('a.example', Buffer.of(1, 2, 3, 4), Buffer.of())]),
    ],
    [
      'plus-in-name',
      'the name in a line has a plus sign',
      note([own, line('a+b', Buffer.of(1, 2, 3, 4), Buffer.of(5))]),
    ],
    [
      'space-in-name',
      'the name in a line has a no-break space',
      note([own, line('a\u00a0b', Buffer.of(1, 2, 3, 4), Buffer.of(5))]),
    ],
  ] as const
).map(([id, title, given]) => refused(id, title, 'note_malformed', given));

const malformedBodies: readonly CheckpointVector[] = (
  [
    ['no-size', 'N09 it has no size', `${ORIGIN}\n${ROOT}\n`],
    ['no-root', 'N09 it has no root', `${ORIGIN}\n${SIZE}\n`],
    ['no-origin', 'N09 its origin is empty', `\n${SIZE}\n${ROOT}\n`],
    ['negative-size', 'N14 its size is negative', bodyOf(-1)],
    ['size-2-53', 'N14 its size is 2^53', bodyOf('9007199254740992')],
    ['size-2-64', 'N14 its size is 2^64 + 23', bodyOf('18446744073709551639')],
    ['leading-zero', 'its size has a leading zero', bodyOf('023')],
    ['plus-size', 'its size has a sign', bodyOf('+23')],
    ['space-size', 'a space follows its size', bodyOf('23 ')],
    ['short-root', 'its root has 31 bytes', bodyOf(SIZE, Buffer.alloc(31, 5).toString('base64'))],
    ['long-root', 'its root has 33 bytes', bodyOf(SIZE, Buffer.alloc(33, 5).toString('base64'))],
    [
      'base64url-root',
      'its root is in base64url',
      bodyOf(SIZE, Buffer.alloc(32, 255).toString('base64url').padEnd(44, '=')),
    ],
    ['empty-line', 'it has an empty line', `${body}\nmore\n`],
    ['empty-log-root', 'the log is empty, and its root is not', bodyOf(0)],
  ] as const
).map(([id, title, text]) => refused(id, title, 'checkpoint_malformed', signedText(text)));

const lastByte = (bytes: Buffer): Buffer => {
  bytes[bytes.length - 2] = (bytes.at(-2) as number) ^ 1;
  return bytes;
};

const unsigned: readonly CheckpointVector[] = [
  refused(
    'other-origin',
    'N09 the log has signed a checkpoint with the origin of another',
    'origin_mismatch',
    signedText(bodyOf(SIZE, ROOT, 'log.example/audit')),
  ),
  refused(
    'other-key',
    'another key has signed, under the name of the log',
    'signature_missing',
    note([logLine(mallory, ORIGIN, body)]),
  ),
  refused(
    'other-name',
    'the line has the key ID of the log, and another name',
    'signature_missing',
    signed.replace(`— ${ORIGIN}`, '— log.example/other'),
  ),
  refused(
    'other-key-id',
    'N09 the signature is good, and the key ID is another',
    'signature_missing',
    note([
      relined(own, (bytes) => {
        bytes[0] = (bytes[0] as number) ^ 1;
        return bytes;
      }),
    ]),
  ),
  refused(
    'witness-alone',
    'witnesses have cosigned it, and the log has not signed it',
    'signature_missing',
    note([byAlice, byBob]),
    witnessed,
  ),
  refused(
    'forged',
    'N09 the line has name and key ID of the log, and a signature of another',
    'signature_invalid',
    note([
      relined(own, (bytes) =>
        Buffer.concat([bytes.subarray(0, 4), mallory.sign(Buffer.from(body))]),
      ),
    ]),
  ),
  refused(
    'changed-bit',
    'one bit of the signature is changed',
    'signature_invalid',
    note([relined(own, lastByte)]),
  ),
  refused(
    'changed-size',
    'the size is changed',
    'signature_invalid',
    note([own], bodyOf(SIZE + 1)),
  ),
  refused(
    'changed-root',
    'the root is changed',
    'signature_invalid',
    note([own], bodyOf(SIZE, OTHER)),
  ),
  refused(
    'added-line',
    'a line was added to the text',
    'signature_invalid',
    note([own], `${body}more\n`),
  ),
  refused(
    'second-form',
    'S of the signature is S plus the order of the group',
    'signature_invalid',
    note([
      relined(own, (bytes) =>
        Buffer.concat([bytes.subarray(0, 4), plusOrder(Uint8Array.from(bytes.subarray(4)))]),
      ),
    ]),
  ),
  refused(
    'small-order',
    'R of the signature is a point of small order',
    'signature_invalid',
    note([smallOrderLine(log, ORIGIN, body)]),
  ),
  refused(
    'short-signature',
    'the signature has 63 bytes',
    'signature_invalid',
    note([relined(own, (bytes) => bytes.subarray(0, 67))]),
  ),
  refused(
    'one-bad-line',
    'a good signature of the log stands beside a bad one',
    'signature_invalid',
    note([own, relined(own, lastByte)]),
  ),
  refused(
    'bad-cosignature',
    'enough witnesses have cosigned, and the line of a third does not verify',
    'signature_invalid',
    note([own, byAlice, byBob, relined(witnessLine(carol, 'carol.example', body, TIME), lastByte)]),
    witnessed,
  ),
  refused(
    'other-time',
    'the time of a cosignature was changed',
    'signature_invalid',
    note([
      own,
      byBob,
      relined(byAlice, (bytes) => {
        bytes[11] = (bytes[11] as number) ^ 1;
        return bytes;
      }),
    ]),
    witnessed,
  ),
  refused(
    'no-domain',
    'a witness has signed the bare text, as a log does',
    'signature_invalid',
    note([own, byBob, witnessLine(alice, 'alice.example', body, TIME, body)]),
    witnessed,
  ),
  refused(
    'time-2-53',
    'N10 N14 the time of a cosignature is 2^53 seconds',
    'signature_invalid',
    note([own, byBob, witnessLine(alice, 'alice.example', body, 2n ** 53n)]),
    witnessed,
  ),
];

const uncosigned: readonly CheckpointVector[] = [
  refused('no-witness', 'N10 no witness has cosigned', 'quorum_unmet', signed, witnessed),
  refused(
    'one-witness',
    'N10 one witness of two has cosigned',
    'quorum_unmet',
    note([own, byAlice]),
    witnessed,
  ),
  refused(
    'same-witness-twice',
    'N10 one witness has cosigned twice',
    'quorum_unmet',
    note([own, byAlice, witnessLine(alice, 'alice.example', body, TIME + 7)]),
    witnessed,
  ),
  refused(
    'two-names-two',
    'N10 one witness with two names has cosigned under both',
    'quorum_unmet',
    note([own, byAlice, byAlias]),
    {
      ...twoNames,
      witnesses: [...twoNames.witnesses, vkey(bob, 'bob.example', 4)],
      quorum: 2,
    },
  ),
  refused(
    'time-zero',
    'N10 the time of one of two cosignatures is 0',
    'quorum_unmet',
    note([own, byBob, witnessLine(alice, 'alice.example', body, 0)]),
    witnessed,
  ),
  refused(
    'foreign-witness',
    'N10 the second witness is not one that is believed',
    'quorum_unmet',
    note([own, byAlice, witnessLine(mallory, 'mallory.example', body, TIME)]),
    witnessed,
  ),
  refused(
    'witness-of-type-1',
    'the second witness has signed as a log does',
    'quorum_unmet',
    note([own, byAlice, logLine(bob, 'bob.example', body)]),
    witnessed,
  ),
  refused(
    'future',
    'N10 one of two cosignatures is 61 seconds ahead of the clock',
    'cosignature_future',
    note([own, byAlice, witnessLine(bob, 'bob.example', body, TIME + 61)]),
    witnessed,
    'cosigned',
    TIME,
  ),
];

function keyVectors(): readonly KeyVector[] {
  const good = vkey(log, ORIGIN, 1);
  const [, hex = '', base64 = ''] = /\+([0-9a-f]+)\+(.*)$/.exec(good) ?? [];
  const raw = Buffer.from(base64, 'base64').subarray(1);
  const typed = (type: number, key: Uint8Array = raw): Uint8Array => Buffer.of(type, ...key);
  const accept = (id: string, title: string, text: string): KeyVector => ({
    id,
    title,
    vkey: text,
    expected: true,
  });
  const refuse = (id: string, title: string, text: string): KeyVector => ({
    id,
    title,
    neighbour: 'vkey-log',
    vkey: text,
    expected: false,
  });
  return [
    accept('vkey-log', 'a key of a log', good),
    accept('vkey-witness', 'a key of a witness', vkey(log, ORIGIN, 4)),
    accept('vkey-unicode', 'a name beyond ASCII', vkey(log, 'protokoll.example/öffentlich', 1)),
    refuse('vkey-id', 'N09 its key ID is of another name', good.replace('log.', 'lag.')),
    refuse('vkey-upper-case', 'its key ID is in upper case', good.replace(hex, hex.toUpperCase())),
    refuse('vkey-no-name', 'its name is empty', vkeyOf('', typed(1))),
    refuse('vkey-space', 'its name has a space', vkeyOf('log example', typed(1))),
    refuse('vkey-type', 'its type is ECDSA', vkeyOf(ORIGIN, typed(2))),
    refuse('vkey-short', 'its key has 31 bytes', vkeyOf(ORIGIN, typed(1, raw.subarray(1)))),
    refuse('vkey-long', 'its key has 33 bytes', vkeyOf(ORIGIN, typed(1, Buffer.of(...raw, 0)))),
    refuse(
      'vkey-weak',
      'its key is a point of small order',
      vkeyOf(ORIGIN, typed(1, Buffer.of(1, ...new Uint8Array(31)))),
    ),
    refuse(
      'vkey-second-form',
      'its key is not reduced',
      vkeyOf(ORIGIN, typed(1, Buffer.of(0xf0, ...new Uint8Array(30).fill(255), 0x7f))),
    ),
    refuse('vkey-no-id', 'it has no key ID', `${ORIGIN}+${base64}`),
    refuse('vkey-line', 'a newline follows it', `${good}\n`),
  ];
}

/** vectors/log/checkpoint.json, made anew: the same every time. */
export function makeCheckpointVectors(): LogVectors & { readonly title: string } {
  return {
    title:
      'Verifier keys and signed checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature',
    vkeys: keyVectors(),
    checkpoints: [
      ...acceptances,
      ...malformedNotes,
      refused(
        'hundred-and-one-lines',
        'N09 it has 101 signature lines',
        'note_malformed',
        note([...hundred, own, own]),
        alone,
        'hundred-lines',
      ),
      ...malformedBodies,
      ...unsigned,
      ...uncosigned,
    ],
  };
}
