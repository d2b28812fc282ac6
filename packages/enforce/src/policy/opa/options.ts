import { TaperError } from '@taper/core';
import type { BundleSource } from './bundle-file.ts';
import { readText } from './decision-document.ts';
import type { MemoryLimits } from './wasm-module.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PAGE = 64 * KIB;
/** Rego's names; OPA would read others, such as numbers, as something else than text. */
const SEGMENT = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;

const BUNDLE_OPTIONS = [
  'file',
  'bytes',
  'entrypoint',
  'id',
  'sha256',
  'hostBuiltins',
  'maxInput',
  'maxMemory',
  'maxBundle',
  'maxUnpacked',
];

export interface BundleSettings extends BundleSource {
  readonly entrypoint: string;
  readonly id: string;
  readonly hostBuiltins: readonly string[];
  readonly maxInput: number;
  readonly memory: MemoryLimits;
}

export function readBundleOptions(options: object): BundleSettings {
  const given = readOptions(options, BUNDLE_OPTIONS);
  const { file, bytes, sha256, hostBuiltins = [] } = given;
  if ((file === undefined) === (bytes === undefined))
    throw invalid('Give either `file` or `bytes`.');
  if (file !== undefined && (typeof file !== 'string' || file === ''))
    throw invalid('`file` must be a path.');
  if (bytes !== undefined && !(bytes instanceof Uint8Array))
    throw invalid('`bytes` must be a Uint8Array.');
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[A-Za-z0-9_-]{43}$/.test(sha256)))
    throw invalid('`sha256` must be 43 characters of base64url.');
  if (!Array.isArray(hostBuiltins) || !hostBuiltins.every((name) => typeof name === 'string'))
    throw invalid('`hostBuiltins` must be a list of names.');
  const entrypoint = readRulePath(given['entrypoint'], 'entrypoint').join('/');
  // All of it from the start: nothing is touched before it is used, and the SDK's own growth would know no limit.
  const pages = Math.floor(wholeNumber(given, 'maxMemory', 64 * MIB, PAGE, 1024 * MIB) / PAGE);
  return {
    file: file as string | undefined,
    bytes: bytes as Uint8Array | undefined,
    sha256: sha256 as string | undefined,
    entrypoint,
    id: readName(given, 'id') ?? entrypoint,
    hostBuiltins: [...(hostBuiltins as readonly string[])],
    maxInput: wholeNumber(given, 'maxInput', 256 * KIB, 1, 16 * MIB),
    memory: { initial: pages, maximum: pages },
    maxBundle: wholeNumber(given, 'maxBundle', 16 * MIB, 1, 1024 * MIB),
    maxUnpacked: wholeNumber(given, 'maxUnpacked', 64 * MIB, 1, 1024 * MIB),
  };
}

/** A name that is not known is refused: it may be a misspelt restriction. */
export function readOptions(
  options: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof options !== 'object' || options === null) throw invalid('Options must be an object.');
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(`There is no option ${JSON.stringify(unknown)}.`);
  return options as Readonly<Record<string, unknown>>;
}

/** The segments of the path of a rule, such as `taper/decision`. */
export function readRulePath(path: unknown, name: string): readonly string[] {
  const segments = typeof path === 'string' ? path.split('/') : [];
  if (
    segments.length === 0 ||
    segments.length > 32 ||
    !segments.every((each) => SEGMENT.test(each))
  )
    throw invalid(
      `\`${name}\` must be the path of a rule, such as taper/decision: letters, digits, _ and - between slashes.`,
    );
  return segments;
}

export function readName(
  given: Readonly<Record<string, unknown>>,
  name: string,
): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  const read = readText(value);
  if (read === undefined) throw invalid(`\`${name}\` must be a text of 1 to 256 characters.`);
  return read;
}

export function wholeNumber(
  given: Readonly<Record<string, unknown>>,
  name: string,
  usual: number,
  least: number,
  most: number,
): number {
  const value = given[name] === undefined ? usual : given[name];
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(`\`${name}\` must be a whole number from ${least} to ${most}.`);
  return value as number;
}

export function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}
