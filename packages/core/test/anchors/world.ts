import { type TestKey, testKey } from '@taper/testkit';
import type { AnchorEntry, AnchorsContent, UnsafeAnchors } from '../../src/index.ts';
import { canonicalize, noteKey, readAnchors } from '../../src/index.ts';

export const ISSUER = 'https://authority.example.com';
export const T0 = 1_800_000_000;
export const DAY = 86_400;

export const one = testKey('anchors root one');
export const two = testKey('anchors root two');
export const three = testKey('anchors root three');
const log = testKey('anchors log');
const witness = testKey('anchors witness');

export function entry(key: TestKey, changes: Partial<AnchorEntry> = {}): AnchorEntry {
  return { key: key.publicKey, state: 'current', notBefore: T0, ...changes };
}

export function content(changes: Partial<AnchorsContent> = {}): AnchorsContent {
  return {
    issuer: ISSUER,
    issuedAt: T0,
    expiresAt: T0 + 30 * DAY,
    anchors: [entry(one)],
    log: {
      origin: 'authority.example.com/log',
      key: noteKey('authority.example.com/log', log.publicKey, 1),
    },
    authorityKeys: [testKey('anchors authority').publicKey],
    identityKeys: [testKey('anchors identity').publicKey],
    witnesses: [noteKey('witness.example.com', witness.publicKey, 4)],
    quorum: 1,
    ...changes,
  };
}

/** A document by the words of spec/anchors.md alone, whatever it says and whoever signs it. */
export function forge(document: object, signers: readonly TestKey[]): UnsafeAnchors {
  const [made] = readAnchors(forgeText(document, signers));
  return made as UnsafeAnchors;
}

export function forgeText(document: object, signers: readonly TestKey[]): string {
  const input = Buffer.from(`taper-anchors-v1:${canonicalize(document)}`);
  const signatures = signers.map((signer) => ({
    key: signer.publicKey.thumbprint,
    signature: Buffer.from(signer.sign(input)).toString('base64url'),
  }));
  return JSON.stringify({ ...document, signatures });
}

/** The members of a document as they stand in JSON, with some changed. */
export function members(document: UnsafeAnchors, changes: object = {}): Record<string, unknown> {
  return { ...JSON.parse(document.canonical), ...changes };
}
