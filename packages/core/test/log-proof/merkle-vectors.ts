import { createHash } from 'node:crypto';
import { TEST_TIME } from '@taper/testkit';
import { alice, alone, bodyOf, log, ORIGIN, witnessed } from './checkpoint-vectors.ts';
import type {
  ConsistencyVector,
  InclusionVector,
  LogVectors,
  ProofVector,
  TrustText,
} from './judge.ts';
import { leafOf, pathOf, proofOf, rootOf, someLeaves } from './plain-tree.ts';
import { logLine, witnessLine } from './signed-line.ts';

const leaves = someLeaves(24);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const root = (size: number): string => base64(rootOf(leaves.slice(0, size)));
const leaf = (index: number): string => base64(leaves[index] as Uint8Array);
const path = (index: number, size: number): string[] =>
  pathOf(index, leaves.slice(0, size)).map(base64);
const between = (oldSize: number, size: number): string[] =>
  proofOf(oldSize, leaves.slice(0, size)).map(base64);

function flipped(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  bytes[0] = (bytes[0] as number) ^ 1;
  return base64(bytes);
}

type Claim = Pick<InclusionVector, 'leaf' | 'index' | 'size' | 'proof' | 'root'>;

function inclusionOf(index: number, size: number): Claim {
  return { leaf: leaf(index), index, size, proof: path(index, size), root: root(size) };
}

const middle = inclusionOf(10, 23);

function inclusion(): readonly InclusionVector[] {
  const accept = (id: string, title: string, claim: Claim): InclusionVector => ({
    id,
    title,
    ...claim,
    expected: true,
  });
  const refuse = (id: string, title: string, change: Partial<Claim>): InclusionVector => ({
    id,
    title,
    neighbour: 'inclusion',
    ...middle,
    ...change,
    expected: false,
  });
  const { proof } = middle;
  const swapped = createHash('sha256')
    .update(Buffer.from(middle.leaf, 'base64'))
    .update(Buffer.from(proof[0] ?? '', 'base64'));
  return [
    accept('inclusion', 'entry 10 of 23', middle),
    accept('inclusion-only', 'the only entry: no hash is needed', inclusionOf(0, 1)),
    accept('inclusion-first', 'the first entry of 23', inclusionOf(0, 23)),
    accept('inclusion-last', 'the last entry of 23, with fewer hashes', inclusionOf(22, 23)),
    accept('inclusion-perfect', 'an entry of a log of 16', inclusionOf(5, 16)),
    refuse('inclusion-empty', 'N04 N16 the proof is empty', { proof: [] }),
    refuse('inclusion-short', 'N16 the last hash is missing', { proof: proof.slice(0, -1) }),
    refuse('inclusion-long', 'N04 a hash too many', { proof: [...proof, leaf(0)] }),
    refuse('inclusion-swapped', 'two hashes have changed places', {
      proof: proof.with(0, proof[1] ?? '').with(1, proof[0] ?? ''),
    }),
    refuse('inclusion-bit', 'one bit of a hash is changed', {
      proof: proof.with(2, flipped(proof[2] ?? '')),
    }),
    refuse('inclusion-cut', 'a hash has 31 bytes', {
      proof: proof.with(2, base64(Buffer.from(proof[2] ?? '', 'base64').subarray(1))),
    }),
    refuse('inclusion-other-leaf', 'N04 another entry', { leaf: leaf(11) }),
    refuse('inclusion-other-index', 'N04 another index', { index: 11 }),
    refuse('inclusion-other-size', 'N04 another size, with its root', { size: 24, root: root(24) }),
    refuse('inclusion-other-root', 'N04 the root of another size', { root: root(22) }),
    refuse('inclusion-index-size', 'N14 the index is the size', { index: 23 }),
    refuse('inclusion-negative', 'N14 the index is negative', { index: -1 }),
    refuse('inclusion-half', 'N14 the index is no whole number', { index: 10.5 }),
    refuse('inclusion-2-53', 'N14 index and size are beyond 2^53', {
      index: 2 ** 53 + 10,
      size: 2 ** 53 + 24,
    }),
    refuse('inclusion-node', 'N08 an inner node is shown as an entry, one hash shorter', {
      leaf: base64(
        createHash('sha256')
          .update(Buffer.of(1))
          .update(Buffer.from(middle.leaf, 'base64'))
          .update(Buffer.from(proof[0] ?? '', 'base64'))
          .digest(),
      ),
      proof: proof.slice(1),
    }),
    refuse('inclusion-no-prefix', 'N08 the tree was built without the prefix of nodes', {
      index: 0,
      size: 2,
      proof: [proof[0] ?? ''],
      root: base64(swapped.digest()),
    }),
  ];
}

type Growth = Pick<ConsistencyVector, 'old_size' | 'old_root' | 'size' | 'root' | 'proof'>;

function growth(oldSize: number, size: number): Growth {
  return {
    old_size: oldSize,
    old_root: root(oldSize),
    size,
    root: root(size),
    proof: oldSize === 0 ? [] : between(oldSize, size),
  };
}

function consistency(): readonly ConsistencyVector[] {
  const grown = growth(11, 23);
  const { proof } = grown;
  const accept = (id: string, title: string, claim: Growth): ConsistencyVector => ({
    id,
    title,
    ...claim,
    expected: true,
  });
  const refuse = (id: string, title: string, change: Partial<Growth>): ConsistencyVector => ({
    id,
    title,
    neighbour: 'growth',
    ...grown,
    ...change,
    expected: false,
  });
  const rewritten = leaves.with(3, leaves[23] as Uint8Array).slice(0, 23);
  return [
    accept('growth', 'from 11 entries to 23', grown),
    accept('growth-one', 'from 22 entries to 23', growth(22, 23)),
    accept('growth-perfect', 'from 8 entries: the old root is not in the proof', growth(8, 23)),
    accept('growth-none', 'no growth: the proof is empty', growth(23, 23)),
    accept('growth-empty', 'from the empty log: the proof is empty', growth(0, 23)),
    refuse('growth-missing', 'N16 the proof is empty', { proof: [] }),
    refuse('growth-short', 'N06 the first hash is missing', { proof: proof.slice(1) }),
    refuse('growth-skipped', 'N06 a hash in the middle is missing', {
      proof: proof.toSpliced(2, 1),
    }),
    refuse('growth-long', 'a hash too many', { proof: [...proof, leaf(0)] }),
    refuse('growth-bit', 'one bit of a hash is changed', {
      proof: proof.with(1, flipped(proof[1] ?? '')),
    }),
    refuse('growth-rewritten', 'N06 an old entry was rewritten, and the proof is of the new log', {
      root: base64(rootOf(rewritten)),
      proof: proofOf(11, rewritten).map(base64),
    }),
    refuse('growth-swapped', 'N04 the roots have changed places', {
      old_root: grown.root,
      root: grown.old_root,
    }),
    refuse('growth-shrunk', 'N02 the log has become smaller', {
      old_size: 23,
      old_root: root(23),
      size: 11,
      root: root(11),
    }),
    refuse('growth-split', 'N01 the same size, and another root', {
      old_size: 23,
      old_root: base64(rootOf(rewritten)),
      proof: [],
    }),
    refuse('growth-other-empty', 'the old log is empty, and its root is not', {
      old_size: 0,
      proof: [],
    }),
    refuse('growth-negative', 'N14 the old size is negative', { old_size: -11 }),
  ];
}

const body = bodyOf(23, root(23));
const checkpoint = `${body}\n${logLine(log, ORIGIN, body)}`;
const cosigned = `${checkpoint}${witnessLine(alice, 'alice.example', body, TEST_TIME)}`;
const onlyEntry = bodyOf(1, root(1));
const ENTRY = Buffer.from('10').toString('base64');
const HEADER = 'c2sp.org/tlog-proof@v1';
const one: TrustText = { ...witnessed, quorum: 1 };

function proofText(
  given: string = cosigned,
  index: number | string = 10,
  hashes: readonly string[] = middle.proof,
  extra?: string,
): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${extra}`]),
    `index ${index}`,
    ...hashes,
    '',
  ];
  return `${lines.join('\n')}\n${given}`;
}

function proofs(): readonly ProofVector[] {
  const cosigners = [{ name: 'alice.example', time: TEST_TIME }];
  const accept = (
    id: string,
    title: string,
    proof: string,
    expected: Partial<ProofVector['expected']> = {},
    entry = ENTRY,
    trust = one,
  ): ProofVector => ({
    id,
    title,
    proof,
    entry,
    trust,
    expected: { problem: null, index: 10, size: 23, cosigners, ...expected },
  });
  const refuse = (
    id: string,
    title: string,
    problem: string,
    proof: string,
    entry = ENTRY,
    trust = one,
  ): ProofVector => ({
    id,
    title,
    neighbour: 'proof',
    proof,
    entry,
    trust,
    expected: { problem, index: null, size: null, cosigners: null },
  });
  const good = proofText();
  const malformed = (id: string, title: string, proof: string): ProofVector =>
    refuse(id, title, 'proof_malformed', proof);
  return [
    accept('proof', 'entry 10 of 23, cosigned', good),
    accept('proof-extra', 'with extra data', proofText(cosigned, 10, middle.proof, 'AAEC')),
    accept(
      'proof-only',
      'the only entry: no hash is needed',
      proofText(`${onlyEntry}\n${logLine(log, ORIGIN, onlyEntry)}`, 0, []),
      { index: 0, size: 1, cosigners: [] },
      Buffer.from('0').toString('base64'),
      alone,
    ),
    malformed('proof-version', 'its version is another', good.replace('@v1', '@v2')),
    malformed('proof-no-index', 'it has no index', good.replace('index 10\n', '')),
    malformed('proof-leading-zero', 'its index has a leading zero', proofText(cosigned, '010')),
    malformed('proof-negative', 'N14 its index is negative', proofText(cosigned, '-10')),
    malformed('proof-2-53', 'N14 its index is 2^53', proofText(cosigned, '9007199254740992')),
    malformed(
      'proof-extra-last',
      'extra data stands after the index',
      good.replace('index 10\n', 'index 10\nextra AAEC\n'),
    ),
    malformed(
      'proof-extra-base64',
      'extra data is not base64',
      proofText(cosigned, 10, middle.proof, 'AAE'),
    ),
    malformed(
      'proof-cut-hash',
      'a hash has 31 bytes',
      proofText(cosigned, 10, middle.proof.with(0, base64(new Uint8Array(31)))),
    ),
    malformed(
      'proof-54-hashes',
      'it has more hashes than any log needs',
      proofText(
        cosigned,
        10,
        Array.from({ length: 54 }, () => leaf(0)),
      ),
    ),
    malformed(
      'proof-no-checkpoint',
      'N16 it ends after the hashes',
      good.slice(0, good.indexOf('\n\n') + 1),
    ),
    refuse(
      'proof-no-hashes',
      'N16 the hashes are missing',
      'inclusion_invalid',
      proofText(cosigned, 10, []),
    ),
    refuse('proof-other-index', 'N04 another index', 'inclusion_invalid', proofText(cosigned, 11)),
    refuse(
      'proof-other-entry',
      'N05 the entry at hand is another',
      'inclusion_invalid',
      good,
      Buffer.from('11').toString('base64'),
    ),
    refuse(
      'proof-of-leaf',
      'N08 the hash of the entry is shown as the entry',
      'inclusion_invalid',
      good,
      base64(leafOf(Buffer.from('10'))),
    ),
    refuse(
      'proof-unsigned',
      'N16 its checkpoint is not signed',
      'note_malformed',
      proofText(`${body}\n`),
    ),
    refuse('proof-origin', 'its checkpoint is of another log', 'origin_mismatch', good, ENTRY, {
      ...one,
      origin: 'log.example/audit',
    }),
    refuse(
      'proof-quorum',
      'N10 its checkpoint is not cosigned',
      'quorum_unmet',
      proofText(checkpoint),
    ),
    refuse(
      'proof-changed',
      'the size in its checkpoint is changed',
      'signature_invalid',
      good.replace('\n23\n', '\n22\n'),
    ),
  ];
}

/** vectors/log/merkle.json, made anew: the same every time. */
export function makeMerkleVectors(): LogVectors & { readonly title: string } {
  return {
    title: 'Merkle trees of logs: inclusion and consistency, RFC 6962 and RFC 9162',
    inclusion: inclusion(),
    consistency: consistency(),
  };
}

/** vectors/log/proof.json, made anew: the same every time. */
export function makeProofVectors(): LogVectors & { readonly title: string } {
  return { title: 'Offline proofs that an entry is in a log: C2SP tlog-proof', proofs: proofs() };
}
