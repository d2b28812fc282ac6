import { chmodSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { importPublicKey } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { fixedKey, ISSUER, Workspace } from './workspace.ts';

const posix = process.platform !== 'win32';

describe('taper key new', () => {
  it.each(['Ed25519', 'ES256'])('writes a private %s key for its owner alone', async (alg) => {
    const workspace = new Workspace();
    const { exitCode, result } = await workspace.json([
      ...['key', 'new', '--alg', alg, '--out', 'new.jwk', '--public-out', 'new.pub.jwk'],
    ]);
    expect(exitCode).toBe(0);
    if (posix) expect(statSync(join(workspace.folder, 'new.jwk')).mode & 0o777).toBe(0o600);
    const written = JSON.parse(workspace.read('new.pub.jwk'));
    expect(written).not.toHaveProperty('d');
    expect(importPublicKey(written)).toMatchObject({ alg, thumbprint: result.public.kid });
    const shown = await workspace.json(['key', 'show', 'new.jwk']);
    expect(shown.result).toMatchObject({ alg, thumbprint: result.public.kid, public: written });
  });

  it('makes another key each time', async () => {
    const workspace = new Workspace();
    await workspace.taper(['key', 'new', '--out', 'a.jwk']);
    await workspace.taper(['key', 'new', '--out', 'b.jwk']);
    expect(workspace.read('a.jwk')).not.toBe(workspace.read('b.jwk'));
  });

  it('never replaces a file, but with --force', async () => {
    const workspace = new Workspace();
    const before = workspace.read('issuer.jwk');
    const refused = await workspace.json(['key', 'new', '--out', 'issuer.jwk']);
    expect(refused).toMatchObject({ exitCode: 3, error: { code: 'file_exists' } });
    expect(workspace.read('issuer.jwk')).toBe(before);
    const forced = await workspace.json(['key', 'new', '--out', 'issuer.jwk', '--force']);
    expect(forced.exitCode).toBe(0);
    expect(workspace.read('issuer.jwk')).not.toBe(before);
    if (posix) expect(statSync(join(workspace.folder, 'issuer.jwk')).mode & 0o777).toBe(0o600);
  });

  it('makes a key that replaces a file which others could read unreadable for them', async () => {
    if (!posix) return;
    const workspace = new Workspace();
    workspace.write('old.jwk', '{}', 0o666);
    await workspace.taper(['key', 'new', '--out', 'old.jwk', '--force']);
    expect(statSync(join(workspace.folder, 'old.jwk')).mode & 0o777).toBe(0o600);
  });

  it('leaves no private key behind when the public half cannot be written', async () => {
    const workspace = new Workspace();
    const before = workspace.files();
    const { exitCode, error } = await workspace.json([
      ...['key', 'new', '--out', 'new.jwk', '--public-out', 'no/such/new.pub.jwk'],
    ]);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 3, code: 'file_unwritable' });
    expect(workspace.files()).toEqual(before);
  });

  it.each([
    [['--out', '-'], 'usage', 2],
    [['--out', 'a.jwk', '--public-out', 'a.jwk'], 'usage', 2],
    [['--out', 'a.jwk', '--alg', 'RS256'], 'usage', 2],
    [['--out', '.'], 'file_unwritable', 3],
  ])('%j is refused and writes nothing', async (options, code, exitCode) => {
    const workspace = new Workspace();
    const before = workspace.files();
    const answer = await workspace.json(['key', 'new', ...options]);
    expect(answer).toMatchObject({ exitCode, error: { code, exit_code: exitCode } });
    expect(workspace.files()).toEqual(before);
  });

  it.runIf(posix)('never puts a private key into a device', async () => {
    const workspace = new Workspace();
    symlinkSync('/dev/null', join(workspace.folder, 'null'));
    for (const out of ['/dev/null', 'null']) {
      const answer = await workspace.json(['key', 'new', '--out', out, '--force']);
      expect(answer).toMatchObject({ exitCode: 3, error: { code: 'file_unwritable' } });
    }
    expect(readlinkSync(join(workspace.folder, 'null'))).toBe('/dev/null');
  });
});

describe('taper key show', () => {
  it.each(['planner.jwk', 'planner.pub.jwk'])(
    'prints the public half of %s alone',
    async (file) => {
      const workspace = new Workspace();
      const { exitCode, stdout } = await workspace.taper(['key', 'show', file]);
      expect(exitCode).toBe(0);
      const { d: _, ...jwk } = fixedKey('planner');
      const { thumbprint } = importPublicKey(jwk);
      expect(JSON.parse(stdout)).toEqual({ ...jwk, kid: thumbprint });
    },
  );

  it('reads standard input', async () => {
    const workspace = new Workspace();
    const stdin = workspace.read('planner.pub.jwk');
    const { result } = await workspace.json(['key', 'show', '-'], { stdin });
    expect(result.alg).toBe('Ed25519');
  });

  it('warns of a key whose private half is published', async () => {
    const workspace = new Workspace();
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'; // RFC 8037 appendix A
    workspace.write('test.jwk', JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x }));
    const { exitCode, warnings } = await workspace.json(['key', 'show', 'test.jwk']);
    expect({ exitCode, code: warnings[0].code }).toEqual({ exitCode: 0, code: 'key_well_known' });
  });
});

describe.runIf(posix)('a private key that others can read', () => {
  const users: readonly (readonly string[])[] = [
    ['key', 'show', 'planner.jwk'],
    ['root', 'anchor', '--issuer', ISSUER, '--key', 'planner.jwk'],
    [
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'planner.jwk', '--tools', '{}'],
      ...['--lifetime', '1m', '--holder', 'reader.pub.jwk'],
    ],
    [
      ...['delegate', 'chain.json', '--key', 'planner.jwk', '--anchors', 'anchors.json'],
      ...['--tools', '{}', '--holder', 'reader.pub.jwk'],
    ],
    [
      ...['prove', 'chain.json', '--key', 'planner.jwk', '--anchors', 'anchors.json'],
      ...['--tool', 'read_file', '--args', '{"path":"/q1"}'],
    ],
  ];

  it.each(users)('is refused by taper %s %s …, with the command that mends it', async (...argv) => {
    const workspace = new Workspace();
    await workspace.issue();
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      chmodSync(join(workspace.folder, 'planner.jwk'), mode);
      const { exitCode, error } = await workspace.json(argv);
      expect({ exitCode, code: error?.code, command: error?.command }).toEqual({
        exitCode: 3,
        code: 'key_permissions',
        command: 'chmod 600 planner.jwk',
      });
    }
    chmodSync(join(workspace.folder, 'planner.jwk'), 0o400);
    expect((await workspace.json(argv)).error?.code).not.toBe('key_permissions');
  });

  it('is named so that the command can be pasted', async () => {
    const workspace = new Workspace();
    workspace.write("it's mine.jwk", workspace.read('planner.jwk'), 0o644);
    const { error } = await workspace.json(['key', 'show', "it's mine.jwk"]);
    expect(error.command).toBe("chmod 600 'it'\\''s mine.jwk'");
  });
});

describe('a key that is not what it should be', () => {
  const { d, ...jwk } = fixedKey('planner');
  const { d: otherD } = fixedKey('reader');
  const bad: readonly (readonly [string, string, string])[] = [
    ['cut off', `{"kty":"OKP","crv":"Ed25519","x":"${jwk.x}","d":"${d}`, 'json_invalid'],
    ['with a member twice', `{"d":"${d}","d":"${d}"}`, 'json_invalid'],
    ['empty', '', 'json_invalid'],
    ['an array', `[${JSON.stringify({ ...jwk, d })}]`, 'key_invalid'],
    ['without kty', JSON.stringify({ crv: jwk.crv, x: jwk.x, d }), 'key_invalid'],
    ['of another curve', JSON.stringify({ ...jwk, crv: 'X25519', d }), 'key_invalid'],
    ['with the private half of another', JSON.stringify({ ...jwk, d: otherD }), 'key_invalid'],
    ['with half a private half', JSON.stringify({ ...jwk, d: d.slice(0, 40) }), 'key_invalid'],
    ['for encryption', JSON.stringify({ ...jwk, d, use: 'enc' }), 'key_invalid'],
    ['symmetric', JSON.stringify({ kty: 'oct', k: d }), 'key_invalid'],
  ];
  it.each(bad)('%s, is refused and not repeated', async (_, text, code) => {
    const workspace = new Workspace();
    workspace.guard(d.slice(0, 40));
    workspace.write('bad.jwk', text, 0o600);
    const answer = await workspace.json([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'bad.jwk', '--tools', '{}'],
      ...['--lifetime', '1m', '--holder', 'reader.pub.jwk'],
    ]);
    expect(answer).toMatchObject({
      exitCode: 1,
      result: undefined,
      error: { code, file: 'bad.jwk' },
    });
  });

  it('of small order, is refused as a holder', async () => {
    const workspace = new Workspace();
    const x = 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'; // the identity point
    workspace.write('weak.jwk', JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x }));
    const { exitCode, error } = await workspace.json(['key', 'show', 'weak.jwk']);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code: 'key_weak' });
  });

  it('private, is refused where a public one belongs', async () => {
    const workspace = new Workspace();
    workspace.write(
      'anchors-2.json',
      `[{"iss":"${ISSUER}","jwk":${workspace.read('issuer.jwk')}}]`,
    );
    await workspace.prove();
    const holder = await workspace.json([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--tools', '{}'],
      ...['--lifetime', '1m', '--holder', 'planner.jwk'],
    ]);
    expect(holder).toMatchObject({
      exitCode: 1,
      error: { code: 'key_private', command: 'taper key show planner.jwk' },
    });
    const anchor = await workspace.json(['receipt', 'chain.json', '--anchors', 'anchors-2.json']);
    expect(anchor).toMatchObject({ exitCode: 1, error: { code: 'key_private' } });
  });

  it('public, cannot sign', async () => {
    const workspace = new Workspace();
    const answer = await workspace.json([
      ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.pub.jwk', '--tools', '{}'],
      ...['--lifetime', '1m', '--holder', 'planner.pub.jwk'],
    ]);
    expect(answer).toMatchObject({ exitCode: 1, error: { code: 'key_public' } });
  });
});

describe('a private key pasted onto the command line', () => {
  const { d } = fixedKey('planner');
  const text = JSON.stringify(fixedKey('planner'));
  it.each([
    ['as a file', ['key', 'show', text]],
    ['as an option', ['key', 'new', '--out', 'x.jwk', `--${text}`]],
    ['as a command', [text]],
    ['as a command, with spaces', [` ${text}`]],
    ['without quotation marks', ['key', 'show', 'kty:OKP', `d:${d}`]],
    ['as a lifetime', ['root', 'issue', '--lifetime', text]],
    ['as a time', ['verify', 'x', '--now', text]],
    ['as an algorithm', ['key', 'new', '--alg', text]],
    ['as an issuer', ['root', 'anchor', '--issuer', text, '--key', 'issuer.jwk']],
    [
      'as an output',
      ['root', 'anchor', '--issuer', ISSUER, '--key', 'issuer.jwk', '--out', `x/${text}`],
    ],
    [
      'as tools',
      [
        'root',
        'issue',
        '--issuer',
        ISSUER,
        '--key',
        'issuer.jwk',
        '--lifetime',
        '1m',
        '--holder',
        'planner.pub.jwk',
        '--tools',
        text,
      ],
    ],
    ['as a chain', ['inspect', text]],
    ['as help', ['help', text]],
  ])('%s, is not repeated', async (_, argv) => {
    const workspace = new Workspace();
    const plain = await workspace.taper(argv);
    expect(plain.exitCode).not.toBe(0);
    expect((await workspace.json(argv)).exitCode).toBe(plain.exitCode);
  });

  it('in a file given as a chain, is not repeated', async () => {
    const workspace = new Workspace();
    for (const command of [
      ['inspect', 'planner.jwk'],
      ['conformance', 'planner.jwk'],
    ])
      expect((await workspace.taper(command)).exitCode).toBe(1);
  });
});
