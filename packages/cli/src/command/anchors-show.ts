import type { AnchorEntry, VerifiedAnchors } from '@taper/core';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { readPinned } from '../file/trust-anchors.ts';
import { escapeText } from '../text/escape.ts';
import { fields } from '../text/layout.ts';
import { formatTime } from '../text/time.ts';

export const anchorsShow: AnyCommand = defineCommand<object>({
  name: 'anchors show',
  summary: 'print what a trust-anchor document says',
  description:
    'Prints the root keys of a trust-anchor document, with the thumbprints to compare, and when each counts. It checks that the ' +
    'current ones have signed it. That they are the authority’s is for you to know.',
  operands: [{ term: '<file>', description: 'trust-anchor document; - for standard input' }],
  options: [],
  examples: [
    { line: 'taper anchors show anchors.json', does: 'Thumbprints, to be compared by telephone.' },
  ],
  async run([path], _, session) {
    const anchors = await readPinned(path as string, '<file>', session);
    const now = session.io.clock();
    return { exitCode: 0, text: textOf(anchors, now), json: objectOf(anchors, now) };
  },
});

function counts({ notBefore, notAfter }: AnchorEntry, now: number): boolean {
  return notBefore <= now && now < (notAfter ?? Number.POSITIVE_INFINITY);
}

function textOf(document: VerifiedAnchors, now: number): string {
  const { issuer, sequence, issuedAt, expiresAt, anchors, log, witnesses, quorum } = document;
  const head = fields([
    ['issuer', escapeText(issuer)],
    ['document', String(sequence)],
    ['issued', formatTime(issuedAt)],
    ['next by', `${formatTime(expiresAt)}${now >= expiresAt ? ' (expired: fetch it again)' : ''}`],
    ['log', escapeText(log.origin)],
    [
      'witnesses',
      witnesses.length === 0
        ? 'none'
        : `${quorum} of ${witnesses.map(({ name }) => escapeText(name)).join(', ')}`,
    ],
  ]);
  const keys = anchors.map((entry) => {
    const { key, state, hybrid, notBefore, notAfter } = entry;
    return [
      `Root key ${key.thumbprint}`,
      fields([
        ['state', `${state}${counts(entry, now) ? '' : ', does not count now'}`],
        ['algorithm', hybrid === undefined ? key.alg : `${key.alg} and ${hybrid.alg}`],
        ['from', formatTime(notBefore)],
        ['until', notAfter === undefined ? undefined : formatTime(notAfter)],
      ]),
    ].join('\n');
  });
  return `${['Trust anchors', head].join('\n')}\n\n${keys.join('\n\n')}\n`;
}

function objectOf(document: VerifiedAnchors, now: number): object {
  const { issuer, sequence, issuedAt, expiresAt, anchors, log, witnesses, quorum } = document;
  return {
    issuer,
    sequence,
    issued_at: issuedAt,
    expires_at: expiresAt,
    expired: now >= expiresAt,
    anchors: anchors.map((entry) => ({
      thumbprint: entry.key.thumbprint,
      alg: entry.key.alg,
      hybrid: entry.hybrid?.alg ?? null,
      state: entry.state,
      counts: counts(entry, now),
      not_before: entry.notBefore,
      not_after: entry.notAfter ?? null,
    })),
    authority_keys: document.authorityKeys.map(({ thumbprint }) => thumbprint),
    identity_keys: document.identityKeys.map(({ thumbprint }) => thumbprint),
    log: { origin: log.origin, key: log.key.text },
    witnesses: witnesses.map(({ name }) => name),
    quorum,
  };
}
