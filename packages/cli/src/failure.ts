import type { Denial, JsonValue } from '@taper/core';

/** What a run ends with: permitted or done; denied or invalid; wrong usage; a file or server that cannot be reached. */
export type ExitCode = 0 | 1 | 2 | 3;

/** Why a command did not do its work: stable and machine-readable. `docs/cli.md` explains each. */
export type FailureCode =
  | 'usage'
  | 'file_missing'
  | 'file_unreadable'
  | 'file_too_large'
  | 'file_exists'
  | 'file_unwritable'
  | 'output_failed'
  | 'key_permissions'
  | 'key_invalid'
  | 'key_private'
  | 'key_public'
  | 'key_weak'
  | 'key_well_known'
  | 'text_invalid'
  | 'json_invalid'
  | 'anchors_malformed'
  | 'grants_malformed'
  | 'grants_widen'
  | 'anchors_refused'
  | 'chain_malformed'
  | 'names_malformed'
  | 'tools_malformed'
  | 'definition_malformed'
  | 'suite_malformed'
  | 'sample_malformed'
  | 'trust_malformed'
  | 'evidence_invalid'
  | 'token_malformed'
  | 'head_malformed'
  | 'log_malformed'
  | 'option_invalid'
  | 'request_malformed'
  | 'not_confirmed'
  | 'server_unreachable'
  | 'server_refused'
  | 'server_answer_invalid'
  | 'log_file_malformed'
  | 'log_damaged'
  | 'log_rolled_back'
  | 'log_forked'
  | 'log_unavailable'
  | 'log_unverified'
  | 'entry_too_large'
  | 'store_unusable'
  | 'key_store_unusable'
  | 'config_malformed'
  | 'folder_foreign'
  | 'rotation_refused'
  | 'instance_running'
  | 'port_taken'
  | 'refused'
  | 'signing_failed'
  | 'internal_error';

/** The exit code that goes with each. */
export const FAILURES: Readonly<Record<FailureCode, 1 | 2 | 3>> = {
  usage: 2,
  file_missing: 3,
  file_unreadable: 3,
  file_too_large: 3,
  file_exists: 3,
  file_unwritable: 3,
  output_failed: 3,
  key_permissions: 3,
  key_invalid: 1,
  key_private: 1,
  key_public: 1,
  key_weak: 1,
  key_well_known: 1,
  text_invalid: 1,
  json_invalid: 1,
  anchors_malformed: 1,
  grants_malformed: 1,
  grants_widen: 1,
  anchors_refused: 1,
  chain_malformed: 1,
  names_malformed: 1,
  tools_malformed: 1,
  definition_malformed: 1,
  suite_malformed: 1,
  sample_malformed: 1,
  trust_malformed: 1,
  evidence_invalid: 1,
  token_malformed: 1,
  head_malformed: 1,
  log_malformed: 1,
  option_invalid: 1,
  request_malformed: 1,
  not_confirmed: 1,
  server_unreachable: 3,
  server_refused: 1,
  server_answer_invalid: 1,
  log_file_malformed: 1,
  log_damaged: 1,
  log_rolled_back: 1,
  log_forked: 1,
  log_unavailable: 3,
  log_unverified: 1,
  entry_too_large: 1,
  store_unusable: 3,
  key_store_unusable: 1,
  config_malformed: 1,
  folder_foreign: 1,
  rotation_refused: 1,
  instance_running: 3,
  port_taken: 3,
  refused: 1,
  signing_failed: 1,
  internal_error: 1,
};

export interface FailureOptions {
  /** What to do next, for a person. */
  readonly hint?: string | undefined;
  /** A command line that mends it, to be copied. */
  readonly command?: string | undefined;
  /** Where: the file as given, the option, the field. Never contents of a key. */
  readonly file?: string | undefined;
  readonly field?: string | undefined;
  /** What a server says beside its reason, for programs: ids, numbers, names. Never a secret. */
  readonly facts?: Readonly<Record<string, JsonValue>> | undefined;
  /** The whole help text, where the command line says too little to know what was meant. */
  readonly help?: string | undefined;
  /** Why nothing was made: what verification would have said. */
  readonly denial?: Denial | undefined;
}

/** A command that did not do its work. A call that is denied by `verify` is a result and none of these. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly exitCode: ExitCode;
  readonly options: FailureOptions;

  constructor(code: FailureCode, message: string, options: FailureOptions = {}) {
    super(message);
    this.name = 'Failure';
    this.code = code;
    this.exitCode = FAILURES[code];
    this.options = options;
  }
}
