import { isWellKnownTestKey } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { publicDocument, readPublicHalf } from '../file/key.ts';
import { jsonText } from '../text/escape.ts';

export const keyShow: AnyCommand = defineCommand<object>({
  name: 'key show',
  summary: 'print the public half of a key',
  description:
    'Prints the public half of a private or public key file as a JWK. Its kid is the RFC 7638 thumbprint, by which ' +
    'tokens, receipts and names files call the key.',
  operands: [{ term: '<file>', description: 'private or public key (JWK); - for standard input' }],
  options: [],
  examples: [
    {
      line: 'taper key show agent.jwk > agent.pub.jwk',
      does: 'The half that others may see, in a file.',
    },
    { line: 'taper key show agent.jwk --json', does: 'With thumbprint and algorithm beside it.' },
  ],
  async run([path], _, session) {
    const key = await readPublicHalf(path as string, session);
    if (isWellKnownTestKey(key)) {
      await session.warn(
        'key_well_known',
        'this is a test key whose private half is published',
        'Anybody can sign with it. Never use it outside of tests.',
      );
    }
    const document = publicDocument(key);
    return {
      exitCode: 0,
      text: `${jsonText(document, 2)}\n`,
      json: {
        public: document,
        alg: key.alg,
        thumbprint: key.thumbprint,
        thumbprint_uri: key.thumbprintUri,
      },
    };
  },
});
