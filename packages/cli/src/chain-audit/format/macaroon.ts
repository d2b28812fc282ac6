import type { JsonObject, JsonValue } from '@taper/core';
import { isObject, kindOf, member } from '../../file/json.ts';
import type { Finding, Hop } from '../model.ts';
import type { Surroundings } from '../surroundings.ts';
import { textOf } from './claims.ts';
import { readBinaryMacaroon } from './macaroon-binary.ts';

/** A macaroon as somebody wrote it. Its signature can only be checked by whoever has the root key. */
export interface Macaroon {
  readonly location: string | undefined;
  readonly identifier: string;
  readonly caveats: readonly MacaroonCaveat[];
}

export interface MacaroonCaveat {
  readonly text: string;
  /** Met by a discharge of somebody else. */
  readonly thirdParty: boolean;
}

/** Whether a hop is a macaroon of version 2: binary in base64, or JSON. */
export function looksLikeMacaroon(hop: JsonValue | undefined): boolean {
  if (typeof hop === 'string') return decode(hop)?.[0] === 2;
  return isObject(hop) && member(hop, 'v') === 2;
}

/** Reads one macaroon, or the same one as each holder in turn handed it on. */
export function readMacaroons(
  hops: readonly JsonValue[],
  { revocationOf, graceSeconds, refuse }: Surroundings,
): readonly Hop[] {
  const macaroons = hops.map((hop, index) => {
    const read =
      typeof hop === 'string' ? readText(hop) : isObject(hop) ? readJson(hop) : kindOf(hop);
    if (typeof read === 'string')
      throw refuse(`hops[${index}]`, `is no macaroon of version 2: ${read}`);
    return read;
  });
  return macaroons.map((macaroon, index) => {
    const parent = macaroons[index - 1];
    const caveats = macaroon.caveats
      .filter(({ thirdParty }) => !thirdParty)
      .map(({ text }) => text);
    const ends = caveats.flatMap((caveat) => timeOf(caveat) ?? []);
    const unrelated = parent !== undefined && parent.identifier !== macaroon.identifier;
    const discharged = macaroon.caveats.filter(({ thirdParty }) => thirdParty);
    const findings: Omit<Finding, 'hop'>[] = [
      ...(unrelated ? [{ code: 'parent_hash_wrong' } as const] : []),
      ...discharged.map(
        ({ text }) => ({ code: 'caveat_third_party', facts: { item: text } }) as const,
      ),
      ...droppedCaveats(parent, macaroon),
    ];
    return {
      to: index === 0 ? 'first holder' : `holder ${index + 1}`,
      parents: index === 0 ? [] : [index - 1],
      scope: { kind: 'caveats', caveats },
      expiresAt: ends.length === 0 ? 'never' : Math.min(...ends),
      graceSeconds,
      // The chain of MACs binds each caveat to those before it.
      link: 'signature',
      domain: macaroon.location,
      revocation: revocationOf(index, hops.length),
      findings,
    };
  });
}

/** A holder can only append. */
function droppedCaveats(parent: Macaroon | undefined, child: Macaroon): Omit<Finding, 'hop'>[] {
  if (parent === undefined) return [];
  return parent.caveats.flatMap(({ text }, index) =>
    child.caveats[index]?.text === text ? [] : [{ code: 'caveat_dropped', facts: { item: text } }],
  );
}

function readText(text: string): Macaroon | string {
  const bytes = decode(text);
  return bytes === undefined ? 'it is no base64' : readBinaryMacaroon(bytes);
}

function decode(text: string): Uint8Array | undefined {
  const compact = text.trim();
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64') : undefined;
}

/** The JSON form: each field as text (`i`), or as base64 (`i64`). */
function readJson(macaroon: JsonObject): Macaroon | string {
  if (member(macaroon, 'v') !== 2) return 'its `v` is not 2';
  const identifier = field(macaroon, 'i');
  if (identifier === undefined) return 'it has no identifier';
  const listed = member(macaroon, 'c') ?? [];
  if (!Array.isArray(listed)) return 'its caveats are no list';
  const caveats: MacaroonCaveat[] = [];
  for (const each of listed as readonly JsonValue[]) {
    const text = isObject(each) ? field(each, 'i') : undefined;
    if (!isObject(each) || text === undefined) return 'a caveat has no identifier';
    caveats.push({ text, thirdParty: field(each, 'v') !== undefined });
  }
  return { location: textOf(macaroon, 'l'), identifier, caveats };
}

function field(object: JsonObject, name: string): string | undefined {
  const encoded = textOf(object, `${name}64`);
  return encoded === undefined
    ? textOf(object, name)
    : Buffer.from(encoded, 'base64').toString('utf8');
}

/** Seconds since the epoch, for a caveat that sets an end in one of the usual ways. */
export function timeOf(caveat: string): number | undefined {
  const match =
    /^(?:time|expires|exp|expiry|before|time-before|not-after)\s*(?:<=?|=|:|\s)\s*(\S+)$/i.exec(
      caveat.trim(),
    );
  const value = match?.[1];
  if (value === undefined) return undefined;
  if (/^\d{9,11}$/.test(value)) return Number(value);
  const isDate = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(value);
  const time = isDate ? Date.parse(value) : Number.NaN;
  return Number.isFinite(time) ? Math.floor(time / 1000) : undefined;
}
