import type { JsonValue } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { type ChainFile, isCompact, readChain } from '../file/chain.ts';
import { isObject, member } from '../file/json.ts';
import type { Session } from '../session.ts';
import { escapeText, jsonText } from '../text/escape.ts';
import { fields, type Paint, paintFor } from '../text/layout.ts';
import { formatTime } from '../text/time.ts';
import { decodeUnverified, type UnverifiedPart, type UnverifiedToken } from '../unverified.ts';

/** One token or proof on its way to the screen. */
interface Screen {
  readonly title: string;
  readonly token: UnverifiedToken | string;
}

export const inspect: AnyCommand = defineCommand<object>({
  name: 'inspect',
  summary: 'decode tokens without verifying them',
  description:
    'Decodes a token, a chain or a presentation and shows what is written in it, one screen for each token. Nothing is ' +
    'verified: whoever made it may have written anything. To learn what holds, use `taper receipt` or `taper verify`.',
  operands: [
    {
      term: '<token|file>',
      description:
        'a token as text, or a file with a token, chain or presentation; - for standard input',
    },
  ],
  options: [],
  examples: [
    { line: 'taper inspect chain.json', does: 'Every token of a chain.' },
    { line: 'taper inspect - --json < call.json', does: 'A presentation, as JSON.' },
  ],
  async run([argument], _, session) {
    const screens = screensOf(await readWhatever(argument as string, session));
    const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
    const broken = screens.find(({ token }) => typeof token === 'string');
    return {
      exitCode: broken === undefined ? 0 : 1,
      text: `${screens.map((screen) => screenText(screen, paint)).join('\n')}`,
      json: { verified: false, parts: screens.map(screenObject) },
      ...(broken === undefined
        ? {}
        : {
            problem: new Failure('token_malformed', `${broken.title}: ${broken.token}`, {
              field: broken.title,
              hint: 'Check that the token was copied whole.',
            }),
          }),
    };
  },
});

async function readWhatever(argument: string, session: Session): Promise<ChainFile> {
  if (isCompact(argument) && argument.startsWith('ey'))
    return { tokens: [argument], proof: undefined, source: 'the token' };
  return readChain(argument, session);
}

function screensOf({ tokens, proof, source }: ChainFile): readonly Screen[] {
  if (tokens.length === 0 && proof === undefined) {
    throw new Failure('chain_malformed', `${source}: aat_chain is empty`, {
      file: source,
      field: 'aat_chain',
      hint: 'There is nothing to show: check what made the file.',
    });
  }
  const screens = tokens.map((compact, index) => ({
    title: tokens.length === 1 ? 'token' : `token ${index + 1} of ${tokens.length}`,
    token: decodeUnverified(compact),
  }));
  return proof === undefined
    ? screens
    : [...screens, { title: 'proof', token: decodeUnverified(proof) }];
}

function screenText({ title, token }: Screen, paint: Paint): string {
  const heading = `${paint('yellow', 'UNVERIFIED')} ${title}: only decoded, nothing checked\n`;
  if (typeof token === 'string') return `${heading}  cannot be decoded: ${token}\n`;
  const rows = [...readings(token.claims.value), ['hash', token.hash] as const];
  return `${heading}header${partText(token.header)}claims${partText(token.claims)}reads as\n${fields(rows)}\n`;
}

function partText({ value, problem }: UnverifiedPart): string {
  const fault = problem === undefined ? '' : ` (${problem})`;
  if (value === undefined) return `${fault}\n`;
  return `${fault}\n${jsonText(value, 2).replace(/^/gm, '  ')}\n`;
}

/** What people ask first, in words they can read. */
function readings(claims: JsonValue | undefined): (readonly [string, string | undefined])[] {
  if (!isObject(claims)) return [];
  const time = (name: string): string | undefined => {
    const value = member(claims, name);
    return typeof value === 'number' ? formatTime(value) : undefined;
  };
  const depth = member(claims, 'del_depth');
  const maxDepth = member(claims, 'del_max_depth');
  const caveats = member(claims, 'taper');
  const counted = typeof depth === 'number' && typeof maxDepth === 'number';
  return [
    ['issued', time('iat')],
    ['expires', time('exp')],
    ['depth', counted ? `${depth} of at most ${maxDepth}` : undefined],
    ['caveats', isObject(caveats) ? escapeText(Object.keys(caveats).join(', ')) : undefined],
  ];
}

function screenObject({ title, token }: Screen): object {
  if (typeof token === 'string') return { part: title, verified: false, problem: token };
  const { header, claims, hash, characters } = token;
  return {
    part: title,
    verified: false,
    characters,
    header: header.value ?? null,
    ...(header.problem === undefined ? {} : { header_problem: header.problem }),
    claims: claims.value ?? null,
    ...(claims.problem === undefined ? {} : { claims_problem: claims.problem }),
    hash,
  };
}
