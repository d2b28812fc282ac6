import { expect } from 'vitest';
import { type JsonResult, Workspace } from '../workspace.ts';
import type { World } from './world.ts';

const GRANTS = `type: taper-grants
version: 1
grants:
  - name: tickets
    tenant: acme
    agents: [desk]
    tools: {read_ticket: {id: {constraint_type: wildcard}}}
    audience: any
    max_depth: 2
    max_depth_reason: the desk hands on to a reader
    lifetime: 86400
    ends: 2100-01-01T00:00:00Z
  - name: exchanged
    tenant: acme
    agents: [desk]
    tools: {read_ticket: {id: {constraint_type: wildcard}}}
    audience: any
    max_depth: 1
    max_depth_reason: the desk hands on to a reader
    lifetime: 86400
    ends: 2100-01-01T00:00:00Z
    subject: {kind: chain}
`;

const CALL = ['--tool', 'read_ticket', '--args', '{"id":"42"}'];

/** An agent of an authority that runs, and a verifier beside it, both with the command alone. */
export class Desk {
  readonly workspace: Workspace = new Workspace('empty');
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  json(...argv: readonly string[]): Promise<JsonResult> {
    return this.workspace.json(argv, { clock: this.world.clock });
  }

  async done(...argv: readonly string[]): Promise<JsonResult> {
    const done = await this.json(...argv);
    expect(done.error).toBeUndefined();
    return done;
  }

  /** Enrols the agent and lets it have roots. */
  async enrol(): Promise<void> {
    const dir = ['--dir', this.world.folder];
    await this.done('agent', 'enrol', 'desk', '--tenant', 'acme', '--key', 'desk.jwk', ...dir);
    await this.grants();
  }

  /** Lets the agent of this name have roots. */
  async grants(): Promise<void> {
    this.workspace.write('grants.yaml', GRANTS);
    await this.done('grant', 'apply', 'grants.yaml', '--dir', this.world.folder);
  }

  /** A root for the agent, in a file. */
  async root(file: string): Promise<void> {
    const { workspace, world } = this;
    const tools = workspace.write(
      'tools.json',
      '{"read_ticket":{"id":{"constraint_type":"exact","value":"42"}}}',
    );
    const asked = [
      '--grant',
      'tickets',
      '--key',
      'desk.jwk',
      '--tools',
      `@${tools}`,
      '--authority',
      world.url,
    ];
    await this.done('token', 'request', ...asked, '--out', file, '--force');
  }

  /** Takes what the authority publishes, as a successor of what is in the file already. */
  async fetchAnchors(file: string): Promise<JsonResult> {
    const isThere = this.workspace.files().includes(file);
    const pin = isThere ? file : this.world.node.root.thumbprint;
    return this.json(
      ...['anchors', 'fetch', `${this.world.url}/anchors`, '--pin', pin, '--out', file, '--force'],
    );
  }

  /** `permit`, or the code of the denial, of a call under a chain at a verifier with these anchors. */
  async call(chain: string, anchors: string): Promise<string> {
    const { world, workspace } = this;
    const own = workspace.write('own-anchors.json', world.read('anchors.json'));
    const key = ['--key', 'desk.jwk', '--out', 'call.json', '--force'];
    await this.done('prove', chain, ...key, '--anchors', own, ...CALL);
    return this.verdict('call.json', anchors);
  }

  async verdict(call: string, anchors: string): Promise<string> {
    const argv = ['verify', call, '--tenant', 'acme', '--anchors', anchors, ...CALL];
    const { result, error } = await this.json(...argv);
    return result?.verdict === 'permit' ? 'permit' : (result?.denial?.code ?? error?.code);
  }

  rotate(stage: string, ...more: readonly string[]): Promise<JsonResult> {
    return this.json('root', 'rotate', '--stage', stage, '--dir', this.world.folder, ...more);
  }
}
