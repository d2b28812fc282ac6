import { importPublicKey } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { fixedKey, NOW, VERIFY_Q1, Workspace } from './workspace.ts';

const ANCHORS = ['--anchors', 'anchors.json'];

describe('taper receipt', () => {
  it('says VERIFIED and exits with 0 for a chain that holds', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, stdout } = await workspace.taper(['receipt', 'chain.json', ...ANCHORS]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^VERIFIED/);
  });

  it('says DENIED and exits with 1 for a chain that does not, and draws it all the same', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const argv = ['receipt', 'chain.json', ...ANCHORS, '--now', String(NOW + 3600)];
    const { exitCode, stdout, stderr } = await workspace.taper(argv);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^DENIED/);
    expect(stderr).toBe('');
    const { result } = await workspace.json(argv);
    expect(result).toMatchObject({ status: 'denied', denial: { code: 'token_expired' } });
  });

  it('judges a call when it is told of one', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const permitted = await workspace.json(['receipt', 'call.json', ...VERIFY_Q1]);
    expect(permitted).toMatchObject({
      exitCode: 0,
      result: { status: 'verified', call: { outcome: 'permitted', tool: 'read_file' } },
    });
    const other = [...VERIFY_Q1.slice(0, -1), '{"path":"/q3"}'];
    const refused = await workspace.json(['receipt', 'call.json', ...other]);
    expect(refused).toMatchObject({
      exitCode: 1,
      result: { status: 'denied', denial: { code: 'argument_refused' } },
    });
  });

  it('denies a call without a proof, and still draws the chain', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, result } = await workspace.json(['receipt', 'chain.json', ...VERIFY_Q1]);
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ status: 'denied', denial: { code: 'proof_missing' } });
    expect(result.hops).toHaveLength(1);
  });

  it('calls keys by the names it is given', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { d: _, ...jwk } = fixedKey('planner');
    const { thumbprint } = importPublicKey(jwk);
    workspace.write('names.json', JSON.stringify({ [thumbprint]: 'planner of trips' }));
    const argv = ['receipt', 'chain.json', ...ANCHORS, '--names', 'names.json'];
    expect((await workspace.json(argv)).result.hops[0].to).toEqual({
      thumbprint,
      name: 'planner of trips',
    });
  });

  it.each([
    ['html', /^<!doctype html>/i],
    ['text', /^VERIFIED/],
    ['json', /^\{/],
  ])('draws %s into a file', async (format, begin) => {
    const workspace = new Workspace();
    await workspace.issue();
    const argv = ['receipt', 'chain.json', ...ANCHORS, '--format', format, '--out', 'drawn'];
    const { exitCode, stdout } = await workspace.taper(argv, { terminal: true });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(workspace.read('drawn')).toMatch(begin);
    expect(workspace.read('drawn')).not.toContain('\u001b');
  });

  it('exits with 1 for a denied chain that is drawn into a file', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const { exitCode, result } = await workspace.json([
      ...['receipt', 'chain.json', ...ANCHORS, '--now', String(NOW + 3600), '--out', 'drawn.txt'],
    ]);
    expect({ exitCode, result }).toEqual({
      exitCode: 1,
      result: { out: 'drawn.txt', status: 'denied' },
    });
    expect(workspace.read('drawn.txt')).toMatch(/^DENIED/);
  });
});
