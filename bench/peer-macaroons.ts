import { randomBytes } from 'node:crypto';
import macaroonsJs from 'macaroons.js';
import type { Peer } from './peer.ts';
import { ARGS, ISSUER, NOW, received, TOOL } from './scene.ts';

const { MacaroonsBuilder, MacaroonsVerifier } = macaroonsJs;

function caveats(hop: number): readonly string[] {
  return [
    `tool = ${TOOL}`,
    `amount <= ${250 - hop}`,
    'currency = EUR',
    'order_id in ord_1042 ord_1043 ord_1044',
    `time < ${NOW + 3600}`,
  ];
}

/** Compares the call with a caveat of ours; what it does not know, it does not accept. */
function holds(caveat: string): boolean {
  const [name = '', operator = '', ...values] = caveat.split(' ');
  switch (name) {
    case 'tool':
      return operator === '=' && values[0] === TOOL;
    case 'amount':
      return operator === '<=' && Number(ARGS['amount']) <= Number(values[0]);
    case 'currency':
      return operator === '=' && values[0] === ARGS['currency'];
    case 'order_id':
      return operator === 'in' && values.includes(String(ARGS['order_id']));
    case 'time':
      return operator === '<' && NOW < Number(values[0]);
    default:
      return false;
  }
}

/** One HMAC for each caveat, five caveats for each hop. */
export const macaroons: Peer = {
  name: 'macaroons.js',
  checks: 'every caveat against the call, by hand-written code',
  leavesOut:
    'signatures (whoever verifies has the secret that makes tokens), proof by the holder, who attenuated',
  async makeChain(hops) {
    const secret = randomBytes(32);
    let builder = new MacaroonsBuilder(ISSUER, secret, 'root');
    for (let hop = 0; hop < hops; hop += 1) {
      for (const caveat of caveats(hop)) builder = builder.add_first_party_caveat(caveat);
    }
    const text = builder.getMacaroon().serialize();
    const verify = (): void => {
      const presented = MacaroonsBuilder.deserialize(received(text));
      const verifier = new MacaroonsVerifier(presented).satisfyGeneral(holds);
      if (!verifier.isValid(secret)) throw new Error('refused');
    };
    return { size: text.length, signatures: 0, verify };
  },
};
