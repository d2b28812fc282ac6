import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject, type TaperError } from '@taper/core';
import type { PolicyDecision, PolicyEngine } from '../../port/policy-engine.ts';
import { readDecisionDocument, readText, UNDEFINED_DECISION } from './decision-document.ts';
import { inputDocument } from './input-document.ts';
import {
  connectTo,
  type ServerAnswer,
  type TlsIdentity,
  unavailable,
} from './server-connection.ts';
import { readServerOptions } from './server-options.ts';

export interface OpaEngineOptions {
  /** Address of the server, such as `http://127.0.0.1:8181`. `https:`, or `http:` to this machine; no user, query or fragment. */
  readonly url: string;
  /** Path of the rule that decides, such as `taper/decision`. */
  readonly path: string;
  /** Bearer token, or what gives it for each question. */
  readonly token?: string | (() => string | Promise<string>);
  readonly tls?: TlsIdentity;
  /** Names the policy in audit events where it does not name itself. Default: the path. */
  readonly id?: string;
  /** Milliseconds, for a whole question. Keep it below the enforcement point's `portTimeout`. Default 800. */
  readonly timeout?: number;
  /** Bytes. Default 256 KiB. */
  readonly maxInput?: number;
  /** Bytes. Default 64 KiB. */
  readonly maxResponse?: number;
  /** Questions beyond this wait. Default 32. */
  readonly maxConnections?: number;
  /** `http:` also to other machines. Whoever is on the way can then permit what the policy would not. Default false. */
  readonly allowHttp?: boolean;
}

/** Whether OPA is up, all its bundles have been activated and all its plugins work. */
export type OpaHealth =
  | { readonly status: 'healthy' }
  | { readonly status: 'unhealthy'; readonly error: TaperError };

/** A policy engine that asks a running OPA server. */
export interface OpaEngine extends PolicyEngine {
  /** Asks `/health?bundles&plugins`. Never rejects. */
  health(): Promise<OpaHealth>;
  /** Closes all connections; what is under way is refused. */
  close(): void;
}

/** What an event names as version when neither bundles nor the policy itself do. */
export const UNVERSIONED = 'unversioned';

/**
 * An engine that asks a running OPA server through its data API (https://www.openpolicyagent.org/docs/rest-api#data-api).
 *
 * Every question goes to one fixed rule, with errors of builtins as errors (OPA would otherwise take them for undefined) and with
 * provenance: the version in audit events is what the policy calls itself, otherwise the revisions of the server's bundles.
 * The document is read as docs/policy.md says; undefined denies. Whatever else OPA answers, and all that keeps it from
 * answering, throws `policy_unavailable`, without token, input or text of the server.
 *
 * @throws {TaperError} `option_invalid`
 */
export function createOpaEngine(options: OpaEngineOptions): OpaEngine {
  const { connection: settings, path, id, maxInput } = readServerOptions(options);
  const connection = connectTo(settings);
  const target = `/v1/data/${path.join('/')}?provenance=true&strict-builtin-errors=true`;

  return {
    async decide(input) {
      const body = `{"input":${inputDocument(input, maxInput)}}`;
      return readAnswer(await connection.ask('POST', target, body), id);
    },
    async health() {
      try {
        const { status } = await connection.ask('GET', '/health?bundles&plugins');
        if (status === 200) return { status: 'healthy' };
        throw unavailable(
          `OPA says that it is not healthy (status ${status}).`,
          'Its own log says which bundle or plugin it is.',
        );
      } catch (error) {
        return { status: 'unhealthy', error: error as TaperError };
      }
    },
    close() {
      connection.close();
    },
  };
}

function readAnswer({ status, body }: ServerAnswer, id: string): PolicyDecision {
  if (status !== 200) {
    const code = readText(body['code']);
    const isWord = code !== undefined && /^[a-z_]{1,64}$/.test(code);
    throw unavailable(
      `OPA answered with status ${status}${isWord ? ` (${code})` : ''}.`,
      'Its own log says why.',
    );
  }
  // Such as that OPA has not seen an input.
  if (Object.hasOwn(body, 'warning'))
    throw unavailable('OPA answered with a warning.', 'Its own log says why.');
  const decisionId = body['decision_id'];
  if (decisionId !== undefined && readText(decisionId) === undefined)
    throw unavailable('OPA gave a malformed decision_id.');
  const hasResult = Object.hasOwn(body, 'result');
  const document = hasResult ? readDecisionDocument(body['result']) : UNDEFINED_DECISION;
  const { verdict, approvals, reasons } = document;
  const policy = document.policy ?? { id, version: versionOf(body['provenance']) };
  const decision = { verdict, approvals, policy, reasons };
  return decisionId === undefined ? decision : { ...decision, decisionId: decisionId as string };
}

/** `name=revision` of each bundle, in the order of their names. */
function versionOf(provenance: JsonObject[string] | undefined): string {
  if (provenance === undefined) return UNVERSIONED;
  if (!isJsonObject(provenance)) throw unavailable('OPA gave a malformed provenance.');
  const { bundles, revision } = provenance;
  if (bundles === undefined) return short(readRevision(revision));
  if (!isJsonObject(bundles)) throw unavailable('OPA gave a malformed provenance.');
  const revisions = Object.entries(bundles).map(([name, bundle]) => {
    if (!isJsonObject(bundle)) throw unavailable('OPA gave a malformed provenance.');
    return `${name}=${readRevision(bundle['revision'])}`;
  });
  return short(revisions.sort().join(','));
}

function readRevision(revision: unknown): string {
  if (revision === undefined) return '';
  if (typeof revision !== 'string') throw unavailable('OPA gave a malformed provenance.');
  return revision;
}

/** Audit events name a version of any length by its hash. */
function short(version: string): string {
  if (version === '') return UNVERSIONED;
  return readText(version) ?? createHash('sha256').update(version).digest('base64url');
}
