import { chmodSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ISSUER, READ_ONE, VERIFY_Q1, Workspace } from './workspace.ts';

const posix = process.platform !== 'win32';
const root = process.getuid?.() === 0;

const ANCHOR = ['root', 'anchor', '--issuer', ISSUER, '--key', 'issuer.jwk'];

describe('a file that cannot be read', () => {
  it.each([
    ['that is not there', 'no-such.json', 'file_missing', 3],
    ['that is a folder', '.', 'file_unreadable', 3],
    ['in a file', 'anchors.json/x', 'file_unreadable', 3],
    ['whose name is too long', 'x'.repeat(5000), 'file_unreadable', 3],
    ['that is no UTF-8', 'latin1.json', 'text_invalid', 1],
    ['that is UTF-16', 'utf16.json', 'text_invalid', 1],
    ['that begins with a byte order mark', 'bom.json', 'json_invalid', 1],
    ['that is too long', 'long.json', 'file_too_large', 3],
  ])('%s, is named and nothing is printed', async (_, name, code, exitCode) => {
    const workspace = new Workspace();
    workspace.write('latin1.json', Buffer.from('["\xe9"]', 'latin1'));
    workspace.write('utf16.json', Buffer.from('\ufeff["é"]', 'utf16le'));
    workspace.write('bom.json', '\ufeff[]');
    workspace.write('long.json', Buffer.alloc(8 * 1024 * 1024 + 1, 0x20));
    const answer = await workspace.json(['receipt', name, '--anchors', 'anchors.json']);
    expect(answer).toMatchObject({
      exitCode,
      result: undefined,
      error: { code, exit_code: exitCode },
    });
  });

  it('is accepted up to 8 MiB', async () => {
    const workspace = new Workspace();
    const anchors = workspace.read('anchors.json');
    workspace.write('long.json', anchors.padEnd(8 * 1024 * 1024, ' '));
    await workspace.issue();
    expect(
      (await workspace.json(['receipt', 'chain.json', '--anchors', 'long.json'])).exitCode,
    ).toBe(0);
  });

  it('on standard input, is bounded while it is read', async () => {
    const workspace = new Workspace();
    let sent = 0;
    async function* endless(): AsyncIterable<Uint8Array> {
      for (;;) {
        sent += 1;
        yield Buffer.alloc(1024 * 1024, 0x20);
      }
    }
    const answer = await workspace.json(['inspect', '-'], { stdin: endless() });
    expect(answer).toMatchObject({ exitCode: 3, error: { code: 'file_too_large' } });
    expect(sent).toBe(9);
  });

  it.runIf(posix)('because it never ends, is bounded', async () => {
    const workspace = new Workspace();
    const { exitCode, error } = await workspace.json(['inspect', '/dev/zero']);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 3, code: 'file_too_large' });
  });

  it.runIf(posix && !root)('for lack of permission, is named', async () => {
    const workspace = new Workspace();
    workspace.write('mine.json', '[]', 0o000);
    const { exitCode, error } = await workspace.json(['inspect', 'mine.json']);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 3, code: 'file_unreadable' });
  });

  it('twice from standard input, is wrong usage', async () => {
    const workspace = new Workspace();
    const argv = ['verify', '-', '--anchors', 'anchors.json', '--tool', 't', '--args', '-'];
    const { exitCode, error } = await workspace.json(argv, { stdin: '[]' });
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 2, code: 'usage' });
  });
});

describe('a file that holds the wrong thing', () => {
  const anchors: readonly (readonly [string, string, string, string | undefined])[] = [
    ['cut off', '[{"iss":"https', 'json_invalid', undefined],
    ['an object without the list', '{}', 'anchors_malformed', 'trust_anchors'],
    ['empty', '[]', 'anchors_malformed', 'trust_anchors'],
    ['of strings', '["x"]', 'anchors_malformed', 'trust_anchors[0]'],
    ['without issuer', '[{"jwk":{}}]', 'anchors_malformed', 'trust_anchors[0].iss'],
    ['without key', '[{"iss":"x:"}]', 'anchors_malformed', 'trust_anchors[0].jwk'],
    ['with a member too many', '[{"iss":"x:","until":1}]', 'anchors_malformed', 'trust_anchors[0]'],
    ['with a broken key', '[{"iss":"x:","jwk":{"kty":"OKP"}}]', 'key_invalid', undefined],
  ];
  it.each(anchors)('as anchors, %s, is refused at the field', async (_, text, code, field) => {
    const workspace = new Workspace();
    await workspace.issue();
    workspace.write('bad.json', text);
    const { exitCode, error } = await workspace.json([
      'receipt',
      'chain.json',
      '--anchors',
      'bad.json',
    ]);
    expect({ exitCode, code: error.code, field: error.field }).toEqual({
      exitCode: 1,
      code,
      field,
    });
  });

  it('as anchors, one key for two issuers, is refused', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const entry = JSON.parse(workspace.read('anchors.json'))[0];
    workspace.write(
      'bad.json',
      JSON.stringify([entry, { ...entry, iss: 'https://other.example' }]),
    );
    const { exitCode, error } = await workspace.json([
      'receipt',
      'chain.json',
      '--anchors',
      'bad.json',
    ]);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code: 'option_invalid' });
  });

  it.each([
    ['a number', '{"aat_chain":["a.b.c",1]}', 'chain_malformed', 'aat_chain[1]'],
    ['no list', '{"aat_chain":{}}', 'chain_malformed', 'aat_chain'],
    ['nothing', '{}', 'chain_malformed', 'aat_chain'],
    ['a proof that is no text', '{"aat_chain":[],"aat_pop":{}}', 'chain_malformed', 'aat_pop'],
    ['words', 'hello world', 'chain_malformed', undefined],
    ['half of it', '["eyJ', 'json_invalid', undefined],
    ['the list twice', '{"aat_chain":[],"aat_chain":[]}', 'json_invalid', undefined],
    ['too many brackets', '['.repeat(200), 'json_invalid', undefined],
  ])('as a chain, %s, is refused at the field', async (_, text, code, field) => {
    const workspace = new Workspace();
    workspace.write('bad.json', text);
    for (const argv of [
      ['receipt', 'bad.json', '--anchors', 'anchors.json'],
      ['inspect', 'bad.json'],
      [
        'delegate',
        'bad.json',
        '--key',
        'planner.jwk',
        '--holder',
        'reader.pub.jwk',
        '--tools',
        '{}',
        '--anchors',
        'anchors.json',
      ],
      [
        'prove',
        'bad.json',
        '--key',
        'planner.jwk',
        '--tool',
        't',
        '--args',
        '{}',
        '--anchors',
        'anchors.json',
      ],
    ]) {
      const { exitCode, result, error } = await workspace.json(argv);
      expect({ exitCode, result }).toEqual({ exitCode: 1, result: undefined });
      expect({ code: error.code, field: error.field, file: error.file }).toEqual({
        code,
        field,
        file: 'bad.json',
      });
    }
  });

  it.each([
    ['an array', '[]', 'tools_malformed'],
    ['an argument list', '{"t":["a"]}', 'tools_malformed'],
    ['a bare value', '{"t":{"a":1}}', 'tools_malformed'],
    ['a tool twice', '{"t":{},"t":{}}', 'json_invalid'],
    [
      'lost digits',
      '{"t":{"a":{"constraint_type":"exact","value":9007199254740993}}}',
      'json_invalid',
    ],
    ['half of it', '{"t":', 'json_invalid'],
  ])('as tools, %s, is refused and nothing is made', async (_, text, code) => {
    const workspace = new Workspace();
    workspace.write('tools.json', text);
    const before = workspace.files();
    for (const tools of [text, '@tools.json']) {
      const { exitCode, error } = await workspace.json([
        ...['root', 'issue', '--issuer', ISSUER, '--key', 'issuer.jwk', '--lifetime', '1m'],
        ...['--holder', 'planner.pub.jwk', '--out', 'chain.json', '--tools', tools],
      ]);
      expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code });
    }
    expect(workspace.files()).toEqual(before);
  });

  it.each([
    ['an array', '[]'],
    ['a name for no thumbprint', '{"planner":"x"}'],
    ['a name that is no text', `{"${'A'.repeat(43)}":1}`],
  ])('as names, %s, is refused', async (_, text) => {
    const workspace = new Workspace();
    await workspace.issue();
    workspace.write('names.json', text);
    const argv = ['receipt', 'chain.json', '--anchors', 'anchors.json', '--names', 'names.json'];
    const { exitCode, error } = await workspace.json(argv);
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code: 'names_malformed' });
  });
});

describe('a file that is written', () => {
  it('holds what standard output would have shown', async () => {
    const workspace = new Workspace();
    const { stdout } = await workspace.taper(ANCHOR);
    await workspace.taper([...ANCHOR, '--out', 'out.json']);
    expect(workspace.read('out.json')).toBe(stdout);
    expect((await workspace.taper([...ANCHOR, '--out', '-'])).stdout).toBe(stdout);
  });

  it('replaces nothing, but with --force, and leaves no other file', async () => {
    const workspace = new Workspace();
    workspace.write('out.json', 'precious');
    const before = workspace.files();
    const refused = await workspace.json([...ANCHOR, '--out', 'out.json']);
    expect(refused).toMatchObject({
      exitCode: 3,
      error: { code: 'file_exists', file: 'out.json' },
    });
    expect(workspace.read('out.json')).toBe('precious');
    expect((await workspace.json([...ANCHOR, '--out', 'out.json', '--force'])).exitCode).toBe(0);
    expect(JSON.parse(workspace.read('out.json'))).toHaveLength(1);
    expect(workspace.files()).toEqual(before);
  });

  it.each([
    ['in no folder', 'no/such/out.json', 'file_unwritable'],
    ['over a folder', 'folder', 'file_unwritable'],
    ['in a file', 'anchors.json/out.json', 'file_unwritable'],
    ['under a name too long', 'x'.repeat(300), 'file_unwritable'],
    ['over a link that leads nowhere', 'dangling', 'file_exists'],
  ])('%s, is not written in part', async (_, out, code) => {
    const workspace = new Workspace();
    mkdirSync(join(workspace.folder, 'folder'));
    symlinkSync('nowhere.json', join(workspace.folder, 'dangling'));
    const before = workspace.files();
    const answer = await workspace.json([...ANCHOR, '--out', out]);
    expect(answer).toMatchObject({ exitCode: 3, result: undefined, error: { code } });
    expect(workspace.files()).toEqual(before);
  });

  it.runIf(posix && !root)('in a folder of somebody else, is not written', async () => {
    const workspace = new Workspace();
    mkdirSync(join(workspace.folder, 'theirs'));
    chmodSync(join(workspace.folder, 'theirs'), 0o500);
    const answer = await workspace.json([...ANCHOR, '--out', 'theirs/out.json']);
    expect(answer).toMatchObject({ exitCode: 3, error: { code: 'file_unwritable' } });
  });

  it.runIf(posix)('behind a link is replaced, and the link stays', async () => {
    const workspace = new Workspace();
    workspace.write('real.json', 'old');
    symlinkSync('real.json', join(workspace.folder, 'link.json'));
    const refused = await workspace.json([...ANCHOR, '--out', 'link.json']);
    expect(refused).toMatchObject({ exitCode: 3, error: { code: 'file_exists' } });
    await workspace.json([...ANCHOR, '--out', 'link.json', '--force']);
    expect(JSON.parse(workspace.read('real.json'))).toHaveLength(1);
    expect(readlinkSync(join(workspace.folder, 'link.json'))).toBe('real.json');
  });

  it.runIf(posix)('behind a link to a device, goes into the device', async () => {
    const workspace = new Workspace();
    symlinkSync('/dev/null', join(workspace.folder, 'null'));
    for (const more of [[], ['--force']])
      expect((await workspace.json([...ANCHOR, '--out', 'null', ...more])).exitCode).toBe(0);
    expect(readlinkSync(join(workspace.folder, 'null'))).toBe('/dev/null');
  });

  it.runIf(posix)('may be a device', async () => {
    const workspace = new Workspace();
    expect((await workspace.json([...ANCHOR, '--out', '/dev/null'])).exitCode).toBe(0);
    const full = await workspace.json([...ANCHOR, '--out', '/dev/full']);
    expect(full).toMatchObject({ exitCode: 3, error: { code: 'file_unwritable' } });
  });

  it('is not written when the command is refused', async () => {
    const workspace = new Workspace();
    await workspace.issue(READ_ONE);
    const before = workspace.files();
    const { exitCode } = await workspace.json([
      ...['delegate', 'chain.json', '--key', 'planner.jwk', '--holder', 'reader.pub.jwk'],
      ...['--anchors', 'anchors.json', '--tools', '{"send":{}}', '--out', 'wider.json'],
    ]);
    expect(exitCode).toBe(1);
    expect(workspace.files()).toEqual(before);
  });
});

describe('standard output', () => {
  it('that cannot be written is an I/O error', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const answer = await workspace.taper(['verify', 'call.json', ...VERIFY_Q1], {
      stdoutFails: 'ENOSPC',
    });
    expect(answer.exitCode).toBe(3);
  });
});
