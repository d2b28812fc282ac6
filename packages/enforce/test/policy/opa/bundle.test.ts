import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { TaperError } from '@taper/core';
import { afterAll, describe, expect, test } from 'vitest';
import {
  loadOpaBundle,
  type OpaBundleOptions,
  type PolicyLoadError,
  RESULT_UNDEFINED,
} from '../../../src/policy/opa/index.ts';
import type { PolicyDecision } from '../../../src/port/policy-engine.ts';
import { policyInput } from '../input.ts';
import {
  bundle,
  bundleFiles,
  ENTRYPOINT,
  pax,
  policyThatGives,
  type TarEntry,
  tar,
} from './bundle-bytes.ts';
import type { WasmPolicy, WasmRule } from './wasm-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'taper-opa-'));
afterAll(() => rmSync(folder, { recursive: true }));

function load(bytes: Uint8Array, options: Partial<OpaBundleOptions> = {}) {
  return loadOpaBundle({ bytes, entrypoint: ENTRYPOINT, ...options });
}

async function refusal(
  bytes: Uint8Array,
  options: Partial<OpaBundleOptions> = {},
): Promise<TaperError> {
  const error = await load(bytes, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TaperError);
  return error as TaperError;
}

async function decide(
  policy: WasmPolicy,
  options: Partial<OpaBundleOptions> = {},
): Promise<PolicyDecision> {
  const engine = await load(bundle(policy), options);
  return await engine.decide(policyInput());
}

const packed = (files: readonly TarEntry[]): Buffer => gzipSync(tar(files));
const withFile = (file: TarEntry): TarEntry[] => [...bundleFiles(), file];
const rules = (...list: readonly WasmRule[]): WasmPolicy => ({
  entrypoints: { [ENTRYPOINT]: list },
});

describe('a bundle', () => {
  test('is loaded from bytes and from a file, and named by its hash', async () => {
    const bytes = bundle();
    const sha256 = createHash('sha256').update(bytes).digest('base64url');
    const path = join(folder, 'good.tar.gz');
    writeFileSync(path, bytes);
    const fromFile = await loadOpaBundle({ file: path, entrypoint: ENTRYPOINT, sha256 });
    expect(fromFile.policy).toEqual({ id: ENTRYPOINT, version: sha256 });
    expect((await fromFile.decide(policyInput())).verdict).toBe('permit');
    expect((await load(bytes, { id: 'refunds' })).policy).toEqual({
      id: 'refunds',
      version: sha256,
    });
  });

  test.each<[string, TarEntry[]]>([
    ['folders', [{ name: 'policy/', type: '5' }, ...bundleFiles()]],
    [
      'names with ./',
      [
        { name: './', type: '5' },
        ...bundleFiles().map((file) => ({ ...file, name: `.${file.name}` })),
      ],
    ],
    ['names without a slash', bundleFiles().map((file) => ({ ...file, name: file.name.slice(1) }))],
    ['old types of files', bundleFiles().map((file) => ({ ...file, type: '\0' }))],
    ['no data.json', bundleFiles(undefined, { '/data.json': undefined })],
    ['pretty data.json', bundleFiles(undefined, { '/data.json': '{\n  "a": [1, 2]\n}\n' })],
    ['long names', withFile({ prefix: 'p'.repeat(150), name: `${'n'.repeat(90)}.rego` })],
    [
      'names in pax headers',
      [...bundleFiles(), pax({ path: `${'n'.repeat(300)}.rego`, mtime: '1.5' }), { name: 'x' }],
    ],
    [
      'sizes in pax headers',
      [
        ...bundleFiles(),
        pax({ size: '13' }),
        { name: 'x.rego', content: 'package taper', size: '00000000000' },
      ],
    ],
  ])('may have %s', async (_, files) => {
    const engine = await load(packed(files));
    expect((await engine.decide(policyInput())).verdict).toBe('permit');
  });

  test.each<[string, Uint8Array]>([
    ['is empty', Buffer.alloc(0)],
    ['is not gzip', tar(bundleFiles())],
    ['is gzip cut off', bundle().subarray(0, -200)],
    ['lacks the last byte of its gzip', bundle().subarray(0, -1)],
    ['has a wrong gzip checksum', flipped(bundle(), -6)],
    ['goes on after its gzip', Buffer.concat([bundle(), Buffer.from('more')])],
    ['is gzip of no tar', gzipSync('policy')],
    ['is gzip of zeros', gzipSync(Buffer.alloc(4096))],
    ['is gzip of text as long as a block', gzipSync('a'.repeat(2048))],
    ['is a tar cut off in a file', gzipSync(tar(bundleFiles()).subarray(0, 1300))],
    ['is a tar without an end', gzipSync(tar(bundleFiles(), Buffer.alloc(0)))],
    ['is a tar with half an end', gzipSync(tar(bundleFiles(), Buffer.alloc(512)))],
    [
      'goes on after the end of its tar',
      gzipSync(Buffer.concat([tar(bundleFiles()), tar(bundleFiles())])),
    ],
    ['has a wrong tar checksum', packed(withFile({ name: 'a.rego', checksumError: 1 }))],
    ['is of GNU tar', packed(bundleFiles().map((file) => ({ ...file, magic: 'ustar  \0' })))],
    [
      'is of an old tar',
      packed(bundleFiles().map((file) => ({ ...file, magic: '\0\0\0\0\0\0\0\0' }))),
    ],
    ['has a size that is no number', packed(withFile({ name: 'a.rego', size: '0000000000x' }))],
    [
      'has a size in base 256',
      packed(withFile({ name: 'a.rego', size: '\x80\0\0\0\0\0\0\0\0\0\0' })),
    ],
    ['has a size beyond its end', packed(withFile({ name: 'a.rego', size: '77777777777' }))],
    ['has a file twice', packed([...bundleFiles(), ...bundleFiles()])],
    ['has a file twice, once with a slash', packed(withFile({ name: 'data.json', content: '{}' }))],
    ['has a file twice, once with ./', packed(withFile({ name: './policy.wasm', content: 'x' }))],
    [
      'has a file twice, once by a pax header',
      packed([...bundleFiles(), pax({ path: 'policy.wasm' }), { name: 'a.rego' }]),
    ],
    ['has a name that leads out', packed(withFile({ name: '../data.json' }))],
    ['has a name that leads up and back', packed(withFile({ name: 'a/../policy.rego' }))],
    ['has a name with two slashes', packed(withFile({ name: '//a.rego' }))],
    ['has a name with a dot segment', packed(withFile({ name: 'a/./b.rego' }))],
    ['has a name with a backslash', packed(withFile({ name: 'a\\b.rego' }))],
    ['has a name with a line end', packed(withFile({ name: 'a\n.rego' }))],
    [
      'has a name with a byte order mark',
      packed(bundleFiles(undefined, { '\uFEFFpolicy.wasm/../x.rego': '' })),
    ],
    ['has a name of nothing', packed(withFile({ name: '' }))],
    ['has a symbolic link', packed(withFile({ name: 'a.rego', type: '2' }))],
    ['has a hard link', packed(withFile({ name: 'a.rego', type: '1' }))],
    ['has a device', packed(withFile({ name: 'a.rego', type: '3' }))],
    [
      'has a name in the way of GNU',
      packed([...bundleFiles(), { name: '././@LongLink', type: 'L', content: 'a' }, { name: 'a' }]),
    ],
    [
      'has a global pax header',
      packed([{ ...pax({ path: 'data.json' }), type: 'g' }, ...bundleFiles()]),
    ],
    ['has a pax header of nothing', packed([...bundleFiles(), pax({ path: 'a.rego' })])],
    [
      'has a pax header that it does not know',
      packed([...bundleFiles(), pax({ hdrcharset: 'BINARY' }), { name: 'a.rego' }]),
    ],
    [
      'has a pax header with a wrong length',
      packed([
        ...bundleFiles(),
        { name: 'x', type: 'x', content: '99 path=a.rego\n' },
        { name: 'a' },
      ]),
    ],
    [
      'has a pax header twice',
      packed([...bundleFiles(), pax({ path: 'a.rego' }), pax({ path: 'b.rego' }), { name: 'a' }]),
    ],
  ])('that %s is refused', async (_, bytes) => {
    const error = await refusal(bytes);
    expect(error.code).toBe('policy_invalid');
    expect(error.name).toBe('PolicyLoadError');
    expect((error as PolicyLoadError).file).toBe('bundle');
    expect(error.hint).toBeTruthy();
  });

  test.each<[string, Record<string, string | Uint8Array | undefined>]>([
    ['no .manifest', { '/.manifest': undefined }],
    ['a .manifest that is no JSON', { '/.manifest': '{' }],
    ['a .manifest that is no object', { '/.manifest': '[]' }],
    ['a .manifest with a member twice', { '/.manifest': '{"wasm":[],"wasm":[]}' }],
    ['a .manifest that is no UTF-8', { '/.manifest': Uint8Array.of(0x7b, 0xff, 0x7d) }],
    ['a .manifest without compiled policies', { '/.manifest': '{"revision":"r1","roots":[""]}' }],
    ['a .manifest with malformed policies', { '/.manifest': '{"wasm":["policy.wasm"]}' }],
    [
      'a .manifest that names an entrypoint twice',
      {
        '/.manifest': `{"wasm":[{"entrypoint":"${ENTRYPOINT}","module":"/policy.wasm"},{"entrypoint":"${ENTRYPOINT}","module":"/other.wasm"}]}`,
      },
    ],
    [
      'a .manifest that names another entrypoint',
      { '/.manifest': '{"wasm":[{"entrypoint":"taper/other","module":"/policy.wasm"}]}' },
    ],
    [
      'a .manifest that names another file',
      { '/.manifest': `{"wasm":[{"entrypoint":"${ENTRYPOINT}","module":"/other.wasm"}]}` },
    ],
    ['no policy.wasm', { '/policy.wasm': undefined }],
    ['a data.json that is no JSON', { '/data.json': '{"a":}' }],
    ['a data.json with a member twice', { '/data.json': '{"a":1,"a":2}' }],
    ['a data.json that is no object', { '/data.json': '1' }],
    ['a data.json with a byte order mark', { '/data.json': '\uFEFF{}' }],
    ['data in a second file', { '/roles/data.json': '{}' }],
    ['data in YAML', { '/data.yaml': 'a: 1' }],
    ['a signature that nobody checks', { '/.signatures.json': '{"signatures":["e30.e30.e30"]}' }],
    ['an empty policy.wasm', { '/policy.wasm': '' }],
    ['a policy.wasm that is text', { '/policy.wasm': 'package taper' }],
    [
      'a policy.wasm that is cut off',
      {
        '/policy.wasm': bundleFiles()
          .find(({ name }) => name === '/policy.wasm')
          ?.content?.slice(0, 200),
      },
    ],
  ])('with %s is refused', async (_, changes) => {
    const error = await refusal(bundle(undefined, changes));
    expect(error.code).toBe('policy_invalid');
  });

  test('that is signed is loaded when its hash is pinned', async () => {
    const bytes = bundle(undefined, { '/.signatures.json': '{"signatures":["e30.e30.e30"]}' });
    const sha256 = createHash('sha256').update(bytes).digest('base64url');
    expect((await load(bytes, { sha256 })).policy.version).toBe(sha256);
  });

  test('Y08 other than the one that is pinned is refused, an older one too', async () => {
    const newer = bundle(policyThatGives(false));
    const sha256 = createHash('sha256').update(newer).digest('base64url');
    expect((await load(newer, { sha256 })).policy.version).toBe(sha256);
    expect((await refusal(bundle(policyThatGives(true)), { sha256 })).code).toBe('policy_invalid');
  });

  test('R04 that unpacks to more than allowed is refused', async () => {
    const bomb = packed(withFile({ name: 'a.rego', content: Buffer.alloc(8 << 20) }));
    expect(bomb.length).toBeLessThan(1 << 16);
    expect((await refusal(bomb, { maxUnpacked: 1 << 20 })).code).toBe('policy_invalid');
    expect((await load(bomb, { maxUnpacked: 16 << 20 })).policy.id).toBe(ENTRYPOINT);
  });

  test('R04 of more entries than a bundle has is refused', async () => {
    const many = Array.from({ length: 4200 }, (_, index) => ({ name: `${index}.rego` }));
    expect((await refusal(packed([...many, ...bundleFiles()]))).code).toBe('policy_invalid');
  });

  test('that is longer than allowed is refused, as bytes and as a file', async () => {
    const bytes = bundle();
    const path = join(folder, 'long.tar.gz');
    writeFileSync(path, bytes);
    expect((await refusal(bytes, { maxBundle: bytes.length - 1 })).code).toBe('policy_invalid');
    const fromFile = loadOpaBundle({
      file: path,
      entrypoint: ENTRYPOINT,
      maxBundle: bytes.length - 1,
    });
    await expect(fromFile).rejects.toMatchObject({ code: 'policy_invalid', file: 'long.tar.gz' });
  });

  test('that is no file is refused', async () => {
    for (const file of [join(folder, 'absent.tar.gz'), folder, '/dev/zero']) {
      await expect(loadOpaBundle({ file, entrypoint: ENTRYPOINT })).rejects.toMatchObject({
        code: 'policy_invalid',
      });
    }
  });

  test('Z03 is not looked for with options that are wrong', async () => {
    const bytes = bundle();
    const wrong: readonly object[] = [
      {},
      { file: 'a.tar.gz' },
      { bytes: 'a' },
      { bytes: undefined },
      { entrypoint: '' },
      { entrypoint: '../decision' },
      { entrypoint: 'taper//decision' },
      { entrypoint: undefined },
      { sha256: 'abc' },
      { sha265: 'a'.repeat(43) },
      { id: '' },
      { id: 'a\nb' },
      { maxInput: 0 },
      { maxInput: '1' },
      { maxMemory: 1 },
      { hostBuiltins: 'sprintf' },
      { hostBuiltins: ['http.send'] },
    ];
    for (const options of wrong.slice(1)) {
      const error = await refusal(bytes, options as Partial<OpaBundleOptions>);
      expect(error.code, JSON.stringify(options)).toBe('option_invalid');
    }
  });
});

describe('a compiled policy', () => {
  const good = rules({ does: { gives: '[{"result":true}]' } });

  test.each<[string, WasmPolicy]>([
    ['keeps to version 0 of the interface', { ...good, version: 0 }],
    ['keeps to version 2 of the interface', { ...good, version: 2 }],
    [
      'does not say which version it keeps to',
      { ...good, withoutExports: ['opa_wasm_abi_version'] },
    ],
    [
      'does not say which minor version it keeps to',
      { ...good, withoutExports: ['opa_wasm_abi_minor_version'] },
    ],
    ['cannot be evaluated', { ...good, withoutExports: ['opa_eval'] }],
    ['takes no data', { ...good, withoutExports: ['opa_json_parse'] }],
    ['has no table of entrypoints', { ...good, withoutExports: ['entrypoints'] }],
    ['has a table of entrypoints that is no JSON', { ...good, entrypointTable: '{' }],
    [
      'has a table of entrypoints that is a list',
      { ...good, entrypointTable: `["${ENTRYPOINT}"]` },
    ],
    ['has a table of entrypoints outside its memory', { ...good, entrypointTable: -1 }],
    [
      'does not have the entrypoint that the .manifest names',
      { ...good, entrypointTable: '{"taper/other":0}' },
    ],
    ['needs more memory than it gets', { ...good, pages: 40_000 }],
    ['traps when it starts', { ...good, trapsAtStart: true }],
    ['prints', { ...good, imports: ['env.opa_println'] }],
    [
      'wants a function of the operating system',
      { ...good, imports: ['wasi_snapshot_preview1.fd_write'] },
    ],
    ['wants another function of its host', { ...good, imports: ['env.opa_http_send'] }],
  ])('that %s is refused', async (_, policy) => {
    const error = await refusal(bundle(policy));
    expect(error.code).toBe('policy_invalid');
    expect(error.hint).toBeTruthy();
  });

  test('gets as much memory as is allowed', async () => {
    const policy = { ...good, pages: 200 };
    expect((await refusal(bundle(policy), { maxMemory: 100 * 65_536 })).code).toBe(
      'policy_invalid',
    );
    expect((await decide(policy, { maxMemory: 200 * 65_536 })).verdict).toBe('permit');
  });

  test.each([
    ['http.send'],
    ['opa.runtime'],
    ['net.lookup_ip_addr'],
    ['time.now_ns'],
    ['rand.intn'],
    ['sprintf'],
    ['io.jwt.decode_verify'],
    ['made.up'],
  ])('Y02 Y03 that uses %s is refused when it is loaded', async (name) => {
    const error = await refusal(bundle({ ...good, builtins: { [name]: 7 } }));
    expect(error.code).toBe('policy_invalid');
    expect(error.message).toContain(name);
  });

  test('gets the builtins of the SDK that the owner allows, and no other', async () => {
    const builtins = { 'json.is_valid': 7 };
    const policy = {
      ...rules({ does: { calls: 'json.is_valid', with: '"{}"', gives: '[{"result":true}]' } }),
      builtins,
    };
    expect((await refusal(bundle(policy))).code).toBe('policy_invalid');
    expect((await decide(policy, { hostBuiltins: ['json.is_valid'] })).verdict).toBe('permit');
    const undeclared = rules({
      does: { calls: 'http.send', with: '{}', gives: '[{"result":true}]' },
    });
    await expect(decide(undeclared)).rejects.toMatchObject({ code: 'policy_unavailable' });
  });

  test('Y01 denies where its document is undefined', async () => {
    const decision = await decide(policyThatGives(undefined));
    expect(decision.verdict).toBe('deny');
    expect(decision.reasons).toEqual([RESULT_UNDEFINED]);
    expect((await decide(policyThatGives(true))).verdict).toBe('permit');
  });

  test.each([
    ['two results', '[{"result":true},{"result":true}]'],
    ['no result set', 'true'],
    ['a result set of something else', '[{"allow":true}]'],
    ['a result beside something else', '[{"result":true,"deny":true}]'],
    ['null', '[null]'],
    ['no JSON', '[{"result":'],
  ])('Y07 that gives %s throws', async (_, gives) => {
    await expect(decide(rules({ does: { gives } }))).rejects.toMatchObject({
      code: 'policy_unavailable',
    });
  });

  test.each<[string, WasmRule]>([
    ['aborts', { does: { aborts: 'policy.rego:3:1: canary-input conflict' } }],
    ['traps', { does: { traps: true } }],
  ])(
    'Y07 Z02 that %s throws, says nothing of the call, and judges the next call afresh',
    async (_, fails) => {
      const engine = await load(
        bundle(
          rules({ ...fails, has: ['canary-input'] }, { does: { gives: '[{"result":true}]' } }),
        ),
      );
      const failing = policyInput({ arguments: { note: 'canary-input' } });
      for (let round = 0; round < 50; round++) {
        const error = await Promise.resolve()
          .then(() => engine.decide(failing))
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
        expect(error).toMatchObject({ code: 'policy_unavailable' });
        expect((error as Error).cause).toBe(undefined);
        expect(String((error as Error).stack)).not.toContain('canary');
      }
      const together = await Promise.allSettled(
        [failing, policyInput(), failing, policyInput()].map(async (input) => engine.decide(input)),
      );
      expect(together.map(({ status }) => status)).toEqual([
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
    },
  );

  test.each([[1], [2], [3]])(
    'of interface 1.%i judges each call by its own input',
    async (minor) => {
      const engine = await load(
        bundle({
          ...rules({
            has: ['"environment":"staging"'],
            lacks: ['"service":"payroll"'],
            does: { gives: '[{"result":{"verdict":"permit","reasons":["staging"]}}]' },
          }),
          minor,
        }),
      );
      const verdictOf = async (args: Record<string, string>): Promise<string> =>
        (await engine.decide(policyInput({ arguments: args }))).verdict;
      expect(await verdictOf({ environment: 'staging', service: 'shop' })).toBe('permit');
      expect(await verdictOf({ environment: 'production', service: 'shop' })).toBe('deny');
      expect(await verdictOf({ environment: 'staging', service: 'payroll' })).toBe('deny');
      expect(await verdictOf({ environment: 'staging', service: 'x'.repeat(100_000) })).toBe(
        'permit',
      );
      expect(await verdictOf({ environment: 'staging', service: 'shop' })).toBe('permit');
    },
  );

  test('throws for a call that is longer than allowed, and judges one that is not', async () => {
    const engine = await load(bundle(), { maxInput: 4096 });
    const call = (length: number) => policyInput({ arguments: { body: 'x'.repeat(length) } });
    expect((await engine.decide(call(2000))).verdict).toBe('permit');
    expect(() => engine.decide(call(4096))).toThrow(TaperError);
  });

  test('throws for a call that does not fit into its memory, and goes on', async () => {
    const engine = await load(bundle(), { maxMemory: 2 * 65_536, maxInput: 1 << 20 });
    const big = policyInput({ arguments: { body: 'x'.repeat(200_000) } });
    expect(() => engine.decide(big)).toThrow(TaperError);
    expect((await engine.decide(policyInput())).verdict).toBe('permit');
  });

  test('names itself by its hash, whatever its document says', async () => {
    const bytes = bundle(
      policyThatGives({ verdict: 'deny', policy: { id: 'other', version: '9' } }),
    );
    const engine = await load(bytes);
    expect((await engine.decide(policyInput())).policy).toEqual(engine.policy);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = bytes.length + at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
