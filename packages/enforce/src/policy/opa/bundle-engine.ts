import { isJsonObject, TaperError } from '@taper/core';
import type { PolicyDecision, PolicyInput } from '../../port/policy-engine.ts';
import { PolicyLoadError } from '../load-error.ts';
import type { LoadedPolicyEngine } from '../loaded-engine.ts';
import { readBundle } from './bundle-file.ts';
import {
  type DecisionDocument,
  readDecisionDocument,
  UNDEFINED_DECISION,
} from './decision-document.ts';
import { inputDocument } from './input-document.ts';
import { readBundleOptions } from './options.ts';
import {
  ModuleFault,
  type PolicyModule,
  readPolicyModule,
  type WasmModule,
} from './wasm-module.ts';

export interface OpaBundleOptions {
  /** Path of the bundle, a .tar.gz as `opa build -t wasm` makes it. Either this or `bytes`. */
  readonly file?: string;
  /** The bundle itself. */
  readonly bytes?: Uint8Array;
  /** Path of the rule that decides, as it was given to `opa build -e`: `taper/decision`. */
  readonly entrypoint: string;
  /** Names the policy in audit events. Default: the entrypoint. */
  readonly id?: string;
  /** base64url SHA-256 that the bundle must have, so that no other bundle, and no older one, takes its place. A signed bundle is not loaded without. */
  readonly sha256?: string;
  /**
   * Functions that the policy may use though they are not OPA's own but `@open-policy-agent/opa-wasm`'s, and differ from them in
   * details: `json.is_valid`, `regex.split`, `sprintf`, `yaml.is_valid`, `yaml.marshal`, `yaml.unmarshal`. Default: none.
   */
  readonly hostBuiltins?: readonly string[];
  /** In bytes; a longer call is refused. Evaluation is not interrupted, so this and the policy bound its time. Default 256 KiB. */
  readonly maxInput?: number;
  /** In bytes, for policy, data and evaluation together. Default 64 MiB. */
  readonly maxMemory?: number;
  /** In bytes, as it lies in the file. Default 16 MiB. */
  readonly maxBundle?: number;
  /** In bytes, unpacked. Default 64 MiB. */
  readonly maxUnpacked?: number;
}

/** Of a policy of `@open-policy-agent/opa-wasm`, what is used here. */
interface Evaluator {
  setData(data: ArrayBuffer): void;
  evaluate(input: ArrayBuffer, entrypoint: number): unknown;
}

type Load = (module: WasmModule, memory: object) => Promise<Evaluator>;

const HOST_BUILTINS: ReadonlySet<string> = new Set([
  'json.is_valid',
  'regex.split',
  'sprintf',
  'yaml.is_valid',
  'yaml.marshal',
  'yaml.unmarshal',
]);

/**
 * An engine that evaluates a compiled Rego policy in this process, without a network.
 *
 * The document is read as docs/policy.md says; undefined denies. A policy that aborts, such as by two rules that give different
 * values, throws `policy_unavailable`, and the next call gets a fresh instance of it. Nothing that the policy prints goes anywhere.
 *
 * @throws {PolicyLoadError} when the bundle is broken, or asks for functions that it does not get.
 */
export async function loadOpaBundle(options: OpaBundleOptions): Promise<LoadedPolicyEngine> {
  const settings = readBundleOptions(options);
  const { entrypoint, memory, maxInput, hostBuiltins } = settings;
  const unknown = hostBuiltins.filter((name) => !HOST_BUILTINS.has(name));
  if (unknown.length > 0)
    throw new TaperError('option_invalid', `There is no host builtin ${unknown.join(', ')}.`);
  const { name, sha256, wasm, data } = await readBundle(settings, entrypoint);
  const refuse = (problem: string, hint?: string, cause?: unknown): PolicyLoadError =>
    new PolicyLoadError({ file: name }, problem, {
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });

  let policyModule: PolicyModule;
  try {
    policyModule = readPolicyModule(wasm, memory);
  } catch (error) {
    if (error instanceof ModuleFault)
      throw refuse(`The compiled policy ${error.message}.`, error.hint, error.cause);
    throw error;
  }
  const number = policyModule.entrypoints.get(entrypoint);
  if (number === undefined)
    throw refuse(
      'The compiled policy does not have the entrypoint.',
      `It has ${[...policyModule.entrypoints.keys()].join(', ')}.`,
    );
  const absent = policyModule.builtins.filter((each) => !hostBuiltins.includes(each)).sort();
  if (absent.length > 0)
    throw refuse(
      `The policy uses ${absent.join(', ')}, which it does not get.`,
      'Nothing that reaches the network, the environment or the clock is there. What is in `hostBuiltins` can be allowed.',
    );

  const load = await importEvaluator();
  const start = async (): Promise<Evaluator> => {
    const policy = await load(policyModule.module, { ...memory });
    policy.setData(exactBuffer(data));
    return policy;
  };
  let current: Evaluator | undefined;
  let starting: Promise<void> | undefined;
  try {
    current = await start();
  } catch (cause) {
    throw refuse(
      'The policy does not take its data.',
      'Raise `maxMemory` if both are yours.',
      isError(cause) ? cause : undefined,
    );
  }

  const policy = Object.freeze({ id: settings.id, version: sha256 });
  const evaluate = (evaluator: Evaluator, input: string): PolicyDecision => {
    let results: unknown;
    try {
      results = evaluator.evaluate(exactBuffer(new TextEncoder().encode(input)), number);
    } catch {
      // An exception leaves a stack inside the instance that nobody unwinds. Not handed on as the cause: it may quote values.
      if (current === evaluator) current = undefined;
      throw new TaperError('policy_unavailable', 'The policy failed.', {
        hint: 'Evaluate the same input with `opa eval --strict-builtin-errors`.',
      });
    }
    const { verdict, approvals, reasons } = readResults(results);
    return { verdict, approvals, policy, reasons };
  };
  const restart = async (input: string): Promise<PolicyDecision> => {
    // In a loop, since a call that waited beside this one may have made the new instance unusable again.
    while (current === undefined) {
      starting ??= start()
        .then((evaluator) => {
          current = evaluator;
        })
        .finally(() => {
          starting = undefined;
        });
      try {
        await starting;
      } catch {
        throw new TaperError('policy_unavailable', 'The policy could not be started again.');
      }
    }
    return evaluate(current, input);
  };

  return {
    policy,
    decide(input: PolicyInput) {
      const document = inputDocument(input, maxInput);
      return current === undefined ? restart(document) : evaluate(current, document);
    },
  };
}

/** A set of results: none when the document is undefined, otherwise one with the document. */
function readResults(results: unknown): DecisionDocument {
  if (!Array.isArray(results) || results.length > 1)
    throw new TaperError('policy_unavailable', 'The policy did not give one result.');
  const [first] = results as readonly unknown[];
  if (first === undefined) return UNDEFINED_DECISION;
  if (!isJsonObject(first) || Object.keys(first).join() !== 'result')
    throw new TaperError('policy_unavailable', 'The policy gave no result set of OPA.');
  return readDecisionDocument(first['result']);
}

async function importEvaluator(): Promise<Load> {
  try {
    const { loadPolicy } = await import('@open-policy-agent/opa-wasm');
    return loadPolicy as unknown as Load;
  } catch (cause) {
    throw new TaperError('option_invalid', 'Bundles of OPA need @open-policy-agent/opa-wasm.', {
      hint: 'Install it beside @taper/enforce.',
      cause,
    });
  }
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

function isError(value: unknown): value is Error {
  return value instanceof Error;
}
