import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isJsonObject, type JsonObject, parseJson, TaperError } from '@taper/core';
import { PolicyLoadError } from '../load-error.ts';
import { readTar } from './tar.ts';

export interface BundleSource {
  /** Path of the bundle. */
  readonly file?: string | undefined;
  /** The bundle itself, instead of a path. */
  readonly bytes?: Uint8Array | undefined;
  /** base64url SHA-256 that the bundle must have. */
  readonly sha256?: string | undefined;
  /** In bytes, as it lies in the file. */
  readonly maxBundle: number;
  /** In bytes, unpacked. */
  readonly maxUnpacked: number;
}

/** The parts of a bundle that decide. */
export interface OpaBundle {
  readonly name: string;
  /** base64url SHA-256 of the file. */
  readonly sha256: string;
  readonly wasm: Uint8Array;
  /** JSON text of the base documents, checked. */
  readonly data: Uint8Array;
}

/** Files beside policy and data that have no part in a decision. */
const WITHOUT_EFFECT = /\.rego$|^plan\.json$/;
const unzip = promisify(gunzip) as unknown as (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number; readonly info: true },
) => Promise<{ readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } }>;

/**
 * Reads a bundle as `opa build -t wasm` makes it (https://www.openpolicyagent.org/docs/management-bundles), whole or not at all.
 * @throws {PolicyLoadError} when it is anything else.
 */
export async function readBundle(source: BundleSource, entrypoint: string): Promise<OpaBundle> {
  const name = source.file === undefined ? 'bundle' : basename(source.file);
  const refuse = (problem: string, hint?: string, cause?: unknown): PolicyLoadError =>
    new PolicyLoadError({ file: name }, problem, {
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });

  const bytes =
    source.file === undefined
      ? Uint8Array.from(source.bytes ?? [])
      : await readFileUpTo(source.file, source.maxBundle, refuse);
  if (bytes.length > source.maxBundle)
    throw refuse(
      `The bundle is longer than ${source.maxBundle} bytes.`,
      'Raise `maxBundle` if it is yours.',
    );
  const sha256 = createHash('sha256').update(bytes).digest('base64url');
  if (source.sha256 !== undefined && source.sha256 !== sha256)
    throw refuse(
      `The bundle has the SHA-256 ${sha256}, not the one that is asked for.`,
      'This is another bundle, perhaps an older one.',
    );

  const files = unpack(await inflate(bytes, source.maxUnpacked, refuse), refuse);
  if (files.has('.signatures.json') && source.sha256 === undefined)
    throw refuse(
      'The bundle is signed, and Taper does not check signatures of OPA.',
      'Check it with `opa` and give `sha256`.',
    );

  const wasmName = readManifest(files, entrypoint, refuse);
  const wasm = files.get(wasmName);
  if (wasm === undefined)
    throw refuse(`The bundle holds no ${wasmName}.`, 'Build it with `opa build -t wasm`.');
  for (const each of files.keys()) {
    const isRead =
      each === wasmName || ['data.json', '.manifest', '.signatures.json'].includes(each);
    if (!isRead && !WITHOUT_EFFECT.test(each) && !each.endsWith('.wasm'))
      throw refuse(
        `The bundle holds ${each}, of which Taper knows no use.`,
        '`opa build` puts all data into one data.json.',
      );
  }
  const data = files.get('data.json');
  if (data !== undefined) readObject(data, 'data.json', refuse);
  // As it stands there, so that no number is rounded; but OPA's own parser stumbles over a line end after it, which `opa build` writes.
  const text = data === undefined ? '{}' : new TextDecoder().decode(data).trim();
  return { name, sha256, wasm, data: new TextEncoder().encode(text) };
}

type Refuse = (problem: string, hint?: string, cause?: unknown) => PolicyLoadError;

async function readFileUpTo(path: string, limit: number, refuse: Refuse): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw refuse('This is not a file.');
      if (stat.size > limit)
        throw refuse(
          `The bundle is longer than ${limit} bytes.`,
          'Raise `maxBundle` if it is yours.',
        );
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof TaperError) throw cause;
    const { code } = cause as { code?: string };
    throw refuse(
      `This file cannot be read (${code ?? 'unknown'}).`,
      'Check the path and the rights of this process.',
      cause,
    );
  }
}

async function inflate(bytes: Uint8Array, limit: number, refuse: Refuse): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    throw refuse('This is not a gzip file.', 'A bundle is a .tar.gz, as `opa build` makes it.');
  let inflated: Awaited<ReturnType<typeof unzip>>;
  try {
    inflated = await unzip(bytes, { maxOutputLength: limit, info: true });
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw refuse(
        `Unpacked, the bundle is longer than ${limit} bytes.`,
        'Raise `maxUnpacked` if it is yours.',
        cause,
      );
    if (code === 'Z_BUF_ERROR') throw refuse('The gzip file is cut off.', 'Copy it again.', cause);
    throw refuse('The gzip file is damaged.', 'Copy it again.', cause);
  }
  if (inflated.engine.bytesWritten !== bytes.length)
    throw refuse('The gzip file goes on after its end.', 'Build the bundle anew.');
  return inflated.buffer;
}

function unpack(archive: Uint8Array, refuse: Refuse): ReadonlyMap<string, Uint8Array> {
  const read = readTar(archive);
  if (!read.ok)
    throw refuse(
      `The archive ${read.problem} (entry ${read.entry + 1}).`,
      'Build the bundle with `opa build`, or pack it with `tar --format=ustar`.',
    );
  return read.files;
}

/** The name of the file that holds the entrypoint, as the manifest says. */
function readManifest(
  files: ReadonlyMap<string, Uint8Array>,
  entrypoint: string,
  refuse: Refuse,
): string {
  const bytes = files.get('.manifest');
  if (bytes === undefined)
    throw refuse('The bundle holds no .manifest.', 'Build it with `opa build -t wasm`.');
  const { wasm } = readObject(bytes, '.manifest', refuse);
  if (!Array.isArray(wasm) || wasm.length === 0)
    throw refuse(
      'The .manifest names no compiled policy.',
      'Build the bundle with `opa build -t wasm -e ENTRYPOINT`.',
    );
  const modules = new Map<string, string>();
  for (const each of wasm) {
    const { entrypoint: name, module } = isJsonObject(each) ? each : {};
    if (typeof name !== 'string' || typeof module !== 'string' || modules.has(name))
      throw refuse(
        'The `wasm` of the .manifest is malformed.',
        'Each member has an `entrypoint` of its own and a `module`.',
      );
    modules.set(name, module.replace(/^\//, ''));
  }
  const module = modules.get(entrypoint);
  if (module === undefined)
    throw refuse(
      'The .manifest does not name the entrypoint.',
      `It has ${[...modules.keys()].join(', ')}.`,
    );
  return module;
}

function readObject(bytes: Uint8Array, name: string, refuse: Refuse): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refuse(`${name} is no UTF-8 text.`, undefined, cause);
  }
  const read = parseJson(text, text.length + 1);
  if (!read.ok) throw refuse(`${name} is no JSON that is read alike by all: ${read.problem}.`);
  if (!isJsonObject(read.value)) throw refuse(`${name} must hold an object.`);
  return read.value;
}
