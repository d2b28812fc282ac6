import type { JsonObject, Presentation } from '@taper/core';
import { segment } from './forge.ts';
import { MB } from './hostile-texts.ts';
import { ARGS, TOOL } from './scene.ts';

/** Something that an attacker sends. */
export interface HostileInput {
  readonly name: string;
  /** Who can send it: anybody, or somebody with a key and a valid token under which everything is signed. */
  readonly by: 'anybody' | 'holder';
  readonly presentation: Presentation;
  readonly tool: string;
  readonly args: JsonObject | string;
}

/** The longest payload of a token within 64 KiB. */
export const TOKEN_PAYLOAD = 48_900;

const MB_TEXT = 'x'.repeat(MB);

/** Presentations that need no key: whoever has seen a valid chain can send them. */
export function hostilePresentations(good: Presentation): readonly HostileInput[] {
  const [root = ''] = good.aat_chain;
  const [header = '', , signature = ''] = root.split('.');
  const input = (name: string, presentation: Presentation, args: JsonObject | string = ARGS) =>
    ({ name, by: 'anybody', presentation, tool: TOOL, args }) as const;
  const chain = (name: string, aat_chain: readonly string[]) => input(name, { ...good, aat_chain });
  const unreadable = (text: string): string => `${header}.${segment(text)}.${signature}`;
  const proof = (text: string): string => {
    const [first = '', , last = ''] = good.aat_pop.split('.');
    return `${first}.${text}.${last}`;
  };
  return [
    chain('a token of 1 MB', [MB_TEXT]),
    chain('a token of dots', ['.'.repeat(65_536)]),
    chain('100,000 tokens', Array<string>(100_000).fill('a.b.c')),
    chain('1,000,000 empty tokens', Array<string>(1_000_000).fill('')),
    chain(
      '9 tokens of 28 KB, not base64url',
      Array<string>(9).fill(`${header}.${'!'.repeat(28_000)}.${signature}`),
    ),
    ...(
      [
        ['quotes', '"'.repeat(TOKEN_PAYLOAD)],
        ['backslashes', `{"${'\\'.repeat(TOKEN_PAYLOAD)}`],
        ['names that could be jti', `{${'"\\u006a":1,'.repeat(TOKEN_PAYLOAD / 11)}}`],
        ['brackets', '['.repeat(TOKEN_PAYLOAD)],
        ['white space', `{"jti"${' '.repeat(TOKEN_PAYLOAD - 20)}:1}`],
      ] as const
    ).map(([name, text]) => chain(`4 tokens of ${name}`, Array<string>(4).fill(unreadable(text)))),
    input('a proof of 1 MB', { ...good, aat_pop: MB_TEXT }),
    input('a proof of 1 MB, right in form', { ...good, aat_pop: proof('A'.repeat(MB - 200)) }),
    input('a proof of 1 MB, not base64url', { ...good, aat_pop: proof('!'.repeat(MB - 200)) }),
    input('1 MB of arguments', { ...good, aat_pop: 'a.b.c' }, `{"a":"${MB_TEXT}"}`),
  ];
}
