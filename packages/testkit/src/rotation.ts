import type { JsonObject } from '@taper/core';
import { canonicalText } from './canonical-text.ts';
import { TEST_TIME } from './clock.ts';
import { forge } from './forger.ts';
import type { TestKey } from './keys.ts';
import { CAST } from './scenario.ts';

/** A rotation statement; what is not said is as an honest root issuer and honest holders do it. */
export interface StatementOptions {
  readonly from: TestKey;
  readonly to: TestKey;
  /** The key that signs as the root issuer. Default: the first of the cast. */
  readonly signer?: TestKey;
  readonly issuer?: string;
  /** SPIFFE ID. Default: an agent of the tenant `acme`. */
  readonly subject?: string;
  /** Seconds since the epoch. Default: a minute before the time of tests. */
  readonly at?: number;
  /** Put in the place of honest claims; those that are `undefined` are left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: JsonObject;
}

/** Signs a rotation statement (spec/rotation.md), whatever it says. The same options give the same bytes. */
export function statementOf(options: StatementOptions): string {
  const { from, to, subject = 'spiffe://example.com/acme/agent/alice' } = options;
  const { signer = CAST.anchors[0]?.key as TestKey, at = TEST_TIME - 60 } = options;
  const { issuer = CAST.anchors[0]?.issuer as string } = options;
  const consent = { from, to, subject, issuer, at };
  const claims = {
    acceptance: consentOf({ ...consent, signer: to }),
    consent: consentOf({ ...consent, signer: from }),
    iat: at,
    iss: issuer,
    jti: 'rotation',
    new: to.publicKey.jwk,
    old: from.publicKey.thumbprint,
    old_until: at + 3600,
    sub: subject,
    ...options.claims,
  };
  const kept = Object.entries(claims).filter(([, value]) => value !== undefined);
  const kid = signer.publicKey.thumbprint;
  return forge({
    header: options.header ?? { alg: signer.alg, kid, typ: 'taper-rotation+jwt' },
    payload: canonicalText(Object.fromEntries(kept) as JsonObject),
    signature: signer,
  });
}

export interface ConsentOptions {
  readonly from: TestKey;
  readonly to: TestKey;
  readonly signer: TestKey;
  readonly subject: string;
  readonly issuer: string;
  readonly at: number;
  /** What `kid` says. Default: the signer. */
  readonly named?: TestKey;
}

/** Signs a consent to a rotation (spec/rotation.md section 3), whoever the signer is. */
export function consentOf(options: ConsentOptions): string {
  const { from, to, signer, subject, issuer, at, named = signer } = options;
  const kid = named.publicKey.thumbprint;
  return forge({
    header: { alg: signer.alg, kid, typ: 'taper-rotation-consent+jwt' },
    payload: {
      iat: at,
      iss: issuer,
      new: to.publicKey.thumbprint,
      old: from.publicKey.thumbprint,
      sub: subject,
    },
    signature: signer,
  });
}
