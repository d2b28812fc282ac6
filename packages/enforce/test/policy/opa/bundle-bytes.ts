import { gzipSync } from 'node:zlib';
import { type WasmPolicy, wasmPolicy } from './wasm-policy.ts';

export interface TarEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly type?: string;
  /** The text of the size field, without its end. */
  readonly size?: string;
  readonly magic?: string;
  readonly prefix?: string;
  /** Added to the checksum. */
  readonly checksumError?: number;
}

/** A tar archive (POSIX.1-2017 pax, "ustar Interchange Format"), with the mistakes that are asked for. */
export function tar(entries: readonly TarEntry[], end: Uint8Array = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.flatMap(tarEntry), end]);
}

function tarEntry(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const header = Buffer.alloc(512);
  header.write(entry.name, 0, 100, 'utf8');
  header.write('0000600\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${entry.size ?? content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write(entry.type ?? '0', 156, 'latin1');
  header.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  header.write(entry.prefix ?? '', 345, 'utf8');
  const sum = header.reduce((total, byte) => total + byte, 0) + (entry.checksumError ?? 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}

/** A pax header for the entry after it. */
export function pax(records: Readonly<Record<string, string>>): TarEntry {
  const content = Object.entries(records)
    .map(([key, value]) => {
      const rest = Buffer.byteLength(` ${key}=${value}\n`);
      let length = rest + 1;
      while (String(length).length + rest !== length) length = String(length).length + rest;
      return `${length} ${key}=${value}\n`;
    })
    .join('');
  return { name: 'PaxHeaders/next', type: 'x', content };
}

export const ENTRYPOINT = 'taper/decision';

/** One rule that gives `document` for every input; without a document, none. */
export function policyThatGives(document?: unknown): WasmPolicy {
  const rules =
    document === undefined ? [] : [{ does: { gives: JSON.stringify([{ result: document }]) } }];
  return { entrypoints: { [ENTRYPOINT]: rules } };
}

/** The files of a bundle as `opa build -t wasm` writes them. */
export function bundleFiles(
  policy: WasmPolicy = policyThatGives(true),
  changes: Readonly<Record<string, string | Uint8Array | undefined>> = {},
): TarEntry[] {
  const wasm = Object.keys(policy.entrypoints).map((entrypoint) => ({
    entrypoint,
    module: '/policy.wasm',
  }));
  const files: Record<string, string | Uint8Array | undefined> = {
    '/data.json': '{}\n',
    '/policy/decision.rego': 'package taper\n',
    '/policy.wasm': wasmPolicy(policy),
    '/.manifest': JSON.stringify({ revision: 'r1', roots: [''], wasm }),
    ...changes,
  };
  return Object.entries(files).flatMap(([name, content]) =>
    content === undefined ? [] : [{ name, content }],
  );
}

export function bundle(...choices: Parameters<typeof bundleFiles>): Buffer {
  return gzipSync(tar(bundleFiles(...choices)));
}
