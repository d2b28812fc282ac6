import { parseJson, type Signer } from '@taper/core';
import type { Figure, Section } from './figure.ts';
import { asyncSubject, type Effort, measure, microseconds, ratio, subject } from './measure.ts';
import {
  openSslVerifier,
  received,
  signedInputs,
  signerAt,
  typicalChain,
  typicalChild,
  typicalProof,
  verifyAll,
} from './scene.ts';

/** The bare operations, for what a signature costs here; microseconds. */
export interface RawRates {
  readonly verify: number;
  readonly verifyWithOpenSsl: number;
  readonly sign: number;
}

/** Reading and making: JSON, deriving a token, proving a call. */
export async function measureMakers(
  effort: Effort,
): Promise<{ sections: readonly Section[]; raw: RawRates }> {
  const parent = await typicalChain(2);
  const child = await typicalChild(parent, 2);
  const presentation = await typicalProof(child);
  const [root] = signedInputs(presentation);
  const signed = signedInputs(presentation).slice(2, 3);
  const [made] = signed;
  if (root === undefined || made === undefined) throw new Error('There is nothing to verify.');
  const signer: Signer = signerAt(2);
  const openSsl = openSslVerifier();
  const payload = Buffer.from(child.leaf.compact.split('.')[1] ?? '', 'base64url').toString();
  const text = () => received(payload);
  const samples = await measure(
    [
      subject(
        'verify',
        () => [root],
        (inputs) => verifyAll(inputs),
      ),
      subject(
        'verify with OpenSSL',
        () => [root],
        (inputs) => verifyAll(inputs, openSsl),
      ),
      asyncSubject(
        'sign',
        () => made.input,
        async (input) => signer.sign(input),
      ),
      asyncSubject(
        'sign and verify',
        () => made.input,
        async (input) => {
          await signer.sign(input);
          verifyAll(signed);
        },
      ),
      subject('JSON.parse', text, (input) => JSON.parse(input)),
      subject('parseJson', text, (input) => parseJson(input)),
      asyncSubject(
        'derive',
        () => undefined,
        () => typicalChild(parent, 2),
      ),
      asyncSubject(
        'prove',
        () => undefined,
        () => typicalProof(child),
      ),
    ],
    effort,
  );
  const figure = (name: string, title: string, signatures: number, raw: string): Figure => ({
    name: title,
    signatures,
    microseconds: microseconds(samples, name),
    raw: microseconds(samples, raw),
    ratio: ratio(samples, name, raw),
  });
  return {
    raw: {
      verify: microseconds(samples, 'verify'),
      verifyWithOpenSsl: microseconds(samples, 'verify with OpenSSL'),
      sign: microseconds(samples, 'sign'),
    },
    sections: [
      {
        title: 'Handing on, and proving',
        legend:
          'Whoever hands on authority checks the new token as a verifier would, signs it, and ' +
          'verifies the signature before it lets it out. Bare: one signature made and checked.',
        figures: [
          figure('derive', 'derive a token', 1, 'sign and verify'),
          figure('prove', 'prove a call', 1, 'sign and verify'),
        ],
      },
      {
        title: `Reading ${payload.length} characters of claims`,
        legend: 'Bare: JSON.parse, which sees neither repeated members nor lost digits.',
        figures: [figure('parseJson', 'strict JSON', 0, 'JSON.parse')],
      },
    ],
  };
}
