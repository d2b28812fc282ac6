import { fetchAnchors } from '../anchors-source.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import type { OutputOptions } from '../document.ts';
import { forceOption, outOption, requiredOption } from '../option.ts';
import { believeAnchors, keepAnchors } from '../pinned-anchors.ts';
import { parseServerAddress } from '../server-address.ts';

interface AnchorsFetchOptions extends OutputOptions {
  readonly pin: string;
}

export const anchorsFetch: AnyCommand = defineCommand<AnchorsFetchOptions>({
  name: 'anchors fetch',
  summary: 'get the newest trust anchors of an authority',
  description:
    'Gets the trust-anchor document that an authority publishes: its root keys and when each counts, its log, its witnesses. It ' +
    'is believed under --pin alone: the thumbprint of a root key that you were told on a way that you trust, or the file from the ' +
    'last time, from which each next document must follow. An older one, another one of the same number, and one that has expired ' +
    'are refused. The file is for the --anchors of every command.',
  operands: [{ term: '<url>', description: 'where the authority publishes them; https' }],
  options: [
    requiredOption('--pin <thumbprint|file>', 'a root key, or the document that you have'),
    outOption,
    forceOption,
  ],
  examples: [
    {
      line: 'taper anchors fetch https://authority.example.com/anchors \\\n--pin anchors.json --out anchors.json --force',
      does: 'Brings a pinned file up to date, or leaves it as it is.',
    },
  ],
  async run([address], options, session) {
    const url = parseServerAddress(address as string, '<url>');
    const input = await fetchAnchors(url);
    const anchors = await believeAnchors(input, options.pin, options.out, session);
    return keepAnchors(anchors, options, session);
  },
});
