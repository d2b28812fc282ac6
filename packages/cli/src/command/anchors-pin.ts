import { type AnyCommand, defineCommand } from '../command-definition.ts';
import type { OutputOptions } from '../document.ts';
import { readInput } from '../file/read.ts';
import { forceOption, outOption, requiredOption } from '../option.ts';
import { believeAnchors, keepAnchors } from '../pinned-anchors.ts';

interface AnchorsPinOptions extends OutputOptions {
  readonly pin: string;
}

export const anchorsPin: AnyCommand = defineCommand<AnchorsPinOptions>({
  name: 'anchors pin',
  summary: 'take trust anchors that somebody brought you',
  description:
    'As `taper anchors fetch`, without a network: the document comes in a file. It is believed under the thumbprint of one of its ' +
    'current root keys, which you compared on a way that you trust, or as a successor of a file that you have.',
  operands: [{ term: '<file>', description: 'trust-anchor document; - for standard input' }],
  options: [
    requiredOption('--pin <thumbprint|file>', 'a root key, or the document that you have'),
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper anchors pin received.json --pin "$THUMBPRINT" --out anchors.json',
      does: 'The file for --anchors, once the root key in it was compared.',
    },
  ],
  async run([path], options, session) {
    const input = await readInput(path as string, '<file>', session);
    const anchors = await believeAnchors(input, options.pin, options.out, session);
    return keepAnchors(anchors, options, session);
  },
});
