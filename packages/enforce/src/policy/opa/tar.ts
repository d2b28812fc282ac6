/** Why bytes are no tar archive that we read. */
export type TarProblem =
  | 'is not a tar archive in the ustar or pax format'
  | 'is cut off'
  | 'has a header with a wrong checksum'
  | 'has a header with a malformed size'
  | 'has a file with a forbidden name'
  | 'has two files of one name'
  | 'has an entry that is neither a file nor a folder'
  | 'has a malformed pax header'
  | 'has too many entries'
  | 'goes on after its end';

export type TarResult =
  | { readonly ok: true; readonly files: ReadonlyMap<string, Uint8Array> }
  | { readonly ok: false; readonly problem: TarProblem; readonly entry: number };

const BLOCK = 512;
const MAX_ENTRIES = 4096;
/** Records of a pax header that say nothing of names, sizes or contents. */
const IRRELEVANT = new Set(['mtime', 'atime', 'ctime', 'uid', 'gid', 'uname', 'gname', 'comment']);

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

class TarFault extends Error {
  readonly problem: TarProblem;
  constructor(problem: TarProblem) {
    super(problem);
    this.problem = problem;
  }
}

/**
 * The files of a tar archive (POSIX.1-2017 pax, section "ustar Interchange Format"), by names without a leading `/` or `./`.
 * Whole or not at all: nothing is repaired or passed over. Links, devices, extensions of GNU, names with `..` and names that
 * stand twice are refused. The contents are views of `bytes`.
 */
export function readTar(bytes: Uint8Array): TarResult {
  const files = new Map<string, Uint8Array>();
  let offset = 0;
  let entry = 0;
  let pax: ReadonlyMap<string, string> = new Map();
  try {
    for (; ; entry++) {
      if (entry > MAX_ENTRIES) throw new TarFault('has too many entries');
      const header = take(bytes, offset, BLOCK);
      offset += BLOCK;
      if (header.every((byte) => byte === 0)) break;
      checkHeader(header);
      const type = String.fromCharCode(header[156] ?? 0);
      const size = readSize(pax.get('size'), header);
      const content = take(bytes, offset, size);
      offset += Math.ceil(size / BLOCK) * BLOCK;
      if (type === 'x') {
        if (pax.size > 0) throw new TarFault('has a malformed pax header');
        pax = readPax(content);
        continue;
      }
      const name = readName(pax.get('path') ?? headerName(header));
      pax = new Map();
      if (type === '5' && size === 0) continue;
      if (type !== '0' && type !== '\0')
        throw new TarFault('has an entry that is neither a file nor a folder');
      if (name === '') throw new TarFault('has a file with a forbidden name');
      if (files.has(name)) throw new TarFault('has two files of one name');
      files.set(name, content);
    }
    if (pax.size > 0) throw new TarFault('has a malformed pax header');
    if (take(bytes, offset, BLOCK).some((byte) => byte !== 0)) throw new TarFault('is cut off');
    if (bytes.subarray(offset).some((byte) => byte !== 0))
      throw new TarFault('goes on after its end');
    return { ok: true, files };
  } catch (error) {
    if (error instanceof TarFault) return { ok: false, problem: error.problem, entry };
    throw error;
  }
}

function take(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset + length > bytes.length) throw new TarFault('is cut off');
  return bytes.subarray(offset, offset + length);
}

function checkHeader(header: Uint8Array): void {
  if (text(header, 257, 6) !== 'ustar' || text(header, 263, 2) !== '00' || header[262] !== 0)
    throw new TarFault('is not a tar archive in the ustar or pax format');
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(header, 148, 8) !== sum) throw new TarFault('has a header with a wrong checksum');
}

function readSize(extended: string | undefined, header: Uint8Array): number {
  const size = extended === undefined ? octal(header, 124, 12) : decimal(extended);
  if (size === undefined) throw new TarFault('has a header with a malformed size');
  return size;
}

/** Octal digits with spaces before and spaces or NUL after them. */
function octal(header: Uint8Array, offset: number, length: number): number | undefined {
  const field = String.fromCharCode(...header.subarray(offset, offset + length));
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(field)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function decimal(value: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : undefined;
}

function headerName(header: Uint8Array): string {
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** OPA writes names with a leading slash. No file is made from them, so that alone is harmless. */
function readName(name: string): string {
  const relative = name.replace(/^\.?\//, '').replace(/\/$/, '');
  const isPlain = relative
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (name.startsWith('./') && relative === '') return ''; // the folder itself, as `tar c .` has it
  if (!isPlain || /[\\\p{Cc}\uFFFD]/u.test(relative))
    throw new TarFault('has a file with a forbidden name');
  return relative;
}

/** `length key=value\n`, the length counting itself, in bytes. */
function readPax(content: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  let offset = 0;
  while (offset < content.length) {
    const space = content.indexOf(0x20, offset);
    const length = space < 0 ? undefined : decimal(text(content, offset, space - offset));
    if (length === undefined || length < space - offset + 2 || offset + length > content.length)
      throw new TarFault('has a malformed pax header');
    const record = text(content, space + 1, offset + length - space - 1);
    const [, key = '', value = ''] = /^([A-Za-z]+)=([^\n]*)\n$/.exec(record) ?? [];
    const isKnown = key === 'path' || key === 'size' || IRRELEVANT.has(key);
    if (!isKnown || records.has(key)) throw new TarFault('has a malformed pax header');
    records.set(key, value);
    offset += length;
  }
  return records;
}

/** UTF-8 up to the first NUL; bytes that are none become U+FFFD. */
function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return UTF8.decode(end < 0 ? field : field.subarray(0, end));
}
