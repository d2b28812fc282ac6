import { hash } from 'node:crypto';
import type { RevokedEntry } from '@taper/core';

/** The revoked set as spec/revocation.md words it, on strings of bits, with nothing but SHA-256: to compare with. */
export function naiveRoot(entries: Iterable<RevokedEntry>): string {
  const families = new Map<string, Map<string, Buffer>>();
  const keys = new Map<string, Buffer>();
  const tenants = new Map<string, Buffer>();
  for (const entry of entries) {
    if (entry.kind === 'key') keys.set(bits(Buffer.from(entry.key, 'base64url')), Buffer.alloc(32));
    else if (entry.kind === 'tenant')
      raise(tenants, bits(hash('sha256', entry.tenant, 'buffer')), entry.issuedBefore);
    else {
      const root = bits(Buffer.from(entry.root, 'base64url'));
      const family = families.get(root) ?? new Map<string, Buffer>();
      families.set(root, family);
      raise(family, bits(Buffer.from(entry.token, 'base64url')), entry.expiresAt);
    }
  }
  const roots = new Map([...families].map(([root, tokens]) => [root, subtree([...tokens], 0)]));
  return sha256(
    Buffer.from('taper-revoked-set-v1'),
    subtree([...roots], 0),
    subtree([...keys], 0),
    subtree([...tenants], 0),
  ).toString('base64url');
}

type Leaf = readonly [id: string, value: Buffer];

function subtree(leaves: readonly Leaf[], depth: number): Buffer {
  const [only] = leaves;
  if (only === undefined) return Buffer.alloc(32);
  if (leaves.length === 1) return sha256(Buffer.of(0), fromBits(only[0]), only[1]);
  const half = (bit: string): Buffer =>
    subtree(
      leaves.filter(([id]) => id[depth] === bit),
      depth + 1,
    );
  return sha256(Buffer.of(1), half('0'), half('1'));
}

function raise(times: Map<string, Buffer>, id: string, time: number): void {
  const known = times.get(id)?.readBigUInt64BE(24) ?? 0n;
  const value = Buffer.alloc(32);
  value.writeBigUInt64BE(known > BigInt(time) ? known : BigInt(time), 24);
  times.set(id, value);
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

function bits(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

function fromBits(text: string): Buffer {
  return Buffer.from(text.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}
