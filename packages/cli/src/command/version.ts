import { readFileSync } from 'node:fs';
import { platform } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';

const DRAFT = 'draft-niyikiza-oauth-attenuating-agent-tokens-02';

export const version: AnyCommand = defineCommand<object>({
  name: 'version',
  summary: 'print the version, and the token format it implements',
  description:
    'Prints the version of taper, the draft whose tokens it makes and verifies, and what checks the signatures.',
  operands: [],
  options: [],
  examples: [{ line: 'taper version --json', does: 'For scripts.' }],
  async run() {
    const manifest: { version: string } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    const facts = {
      version: manifest.version,
      tokens: DRAFT,
      signatures: platform.name,
      node: process.version,
    };
    return {
      exitCode: 0,
      text: `taper ${facts.version}\ntokens      ${DRAFT}\nsignatures  ${facts.signatures}\nnode        ${facts.node}\n`,
      json: facts,
    };
  },
});
