import {
  anyValue,
  type Call,
  forge,
  grants,
  issueToken,
  proofHeader,
  randomCall,
  takeApart,
} from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator } from './attack.ts';
import { AUDIENCE, makeProof } from './family.ts';
import { type Occasion, occasion, otherCall, present } from './occasion.ts';

/** Another call than the leaf permits, properly proved; the second reading of the leaf says what is right. */
function beyondLeaf(
  change: (occasion: Occasion) => Call | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const at = occasion(attack);
    const call = at && change(at);
    if (at === undefined || call === undefined) return undefined;
    const expect = grants(at.leaf.payload, call) ? 'accept' : 'deny';
    return present(at, expect, makeProof(at.leaf, call, at.key), call);
  };
}

function pickArgument({ call, attack }: Occasion): string | undefined {
  const names = Object.keys(call.args);
  return names.length === 0 ? undefined : attack.random.pick(names);
}

function otherValue(at: Occasion): Call | undefined {
  const name = pickArgument(at);
  if (name === undefined) return undefined;
  const value = anyValue(at.attack.random);
  return { tool: at.call.tool, args: { ...at.call.args, [name]: value } };
}

function lessArguments(at: Occasion): Call | undefined {
  const name = pickArgument(at);
  const { tool, args } = at.call;
  const rest = Object.entries(args).filter(([each]) => each !== name);
  return name === undefined ? undefined : { tool, args: Object.fromEntries(rest) };
}

/** A number that rounds to another on one side of the comparison; both sides read as doubles are equal. */
function rounding(side: 'proof' | 'arguments'): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const at = occasion(attack);
    if (at === undefined) return undefined;
    const { tool } = at.call;
    const call = { tool, args: { ...at.call.args, rounds: 9007199254740992 } };
    if (!grants(at.leaf.payload, call)) return undefined;
    const proof = makeProof(at.leaf, call, at.key);
    const inexact = (text: string): string => text.replace('9007199254740992', '9007199254740993');
    if (side === 'arguments')
      return present(at, 'deny', proof, { args: inexact(JSON.stringify(call.args)) });
    const payload = inexact(takeApart(proof).payload);
    const forged = forge({ header: proofHeader(at.key), payload, signature: at.key });
    return present(at, 'deny', forged, call);
  };
}

/** A child that may be presented elsewhere only. */
function elsewhere(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const aud = attack.random.pick<unknown>([
    'https://other.example',
    [],
    ['https://other.example'],
    `${AUDIENCE}/`,
    AUDIENCE.toUpperCase(),
    '',
    null,
    7,
    [[AUDIENCE]],
    { 0: AUDIENCE },
  ]);
  const child = issueToken(attack.claims({ aud }), attack.key, attack.own, attack.parent);
  const call = randomCall(child.payload, attack.random);
  if (call === undefined) return undefined;
  const chain = [...attack.prefix.map(({ compact }) => compact), child.compact];
  return {
    expect: 'deny',
    chain,
    invocation: { ...call, proof: makeProof(child, call, attack.own) },
  };
}

function sent(text: string): { readonly args: string } {
  return { args: text };
}

function argsText({ call }: Occasion): string {
  return JSON.stringify(call.args);
}

export const CALL: readonly Operator[] = [
  operator(
    'arguments_duplicate_member',
    otherCall('deny', (at) => sent(argsText(at).replace('{', '{"twice":1,"twice":1,'))),
  ),
  operator(
    'arguments_inadmissible_number',
    otherCall('deny', (at) =>
      sent(argsText(at).replace('{', '{"n":9007199254740993,').replace(',}', '}')),
    ),
  ),
  operator(
    'arguments_malformed',
    otherCall('deny', (at) =>
      sent(at.attack.random.pick(['', '[]', 'null', '{', `${argsText(at)}x`, '{"a":"\\ud800"}'])),
    ),
  ),
  operator('proof_number_rounds', rounding('proof')),
  operator('arguments_number_rounds', rounding('arguments')),
  operator('call_other_value', beyondLeaf(otherValue), 3),
  operator('call_less_arguments', beyondLeaf(lessArguments), 2),
  operator(
    'call_more_arguments',
    beyondLeaf(({ call, attack }) => {
      const added = attack.random.pick(['extra', 'constructor', '*', 'path', 'PATH', '']);
      return { tool: call.tool, args: { ...call.args, [added]: 1 } };
    }),
    2,
  ),
  operator(
    'call_other_tool',
    beyondLeaf(({ call, attack }) => ({
      tool: attack.random.pick([
        call.tool.toUpperCase(),
        call.tool.normalize('NFD'),
        `${call.tool} `,
        'constructor',
        'hasOwnProperty',
        '__proto__',
        '',
      ]),
      args: call.args,
    })),
  ),
  operator('audience_elsewhere', elsewhere),
];
