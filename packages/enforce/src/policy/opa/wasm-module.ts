import { isJsonObject, parseJson, TaperError } from '@taper/core';

/** Of WebAssembly's JavaScript interface, what is used here; the types of Node do not have it. */
interface Wasm {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): readonly { module: string; name: string; kind: string }[];
    exports(module: WasmModule): readonly { name: string; kind: string }[];
  };
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: Exports };
  readonly Memory: new (limits: MemoryLimits) => { readonly buffer: ArrayBuffer };
  readonly LinkError: new () => Error;
}
type Exports = Readonly<
  Record<string, ((...args: readonly number[]) => number) & { readonly value?: unknown }>
>;
declare const brand: unique symbol;
export interface WasmModule {
  readonly [brand]: never;
}
/** In pages of 64 KiB. */
export interface MemoryLimits {
  readonly initial: number;
  readonly maximum: number;
}

const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: Wasm };

/** A policy that keeps to OPA's interface, with what it says of itself. */
export interface PolicyModule {
  readonly module: WasmModule;
  /** Entrypoint to number. */
  readonly entrypoints: ReadonlyMap<string, number>;
  /** Functions that it wants of us. */
  readonly builtins: readonly string[];
}

/** Why bytes are no policy that can be used, and what to do. */
export class ModuleFault extends Error {
  readonly hint: string | undefined;
  constructor(problem: string, hint?: string, cause?: unknown) {
    super(problem, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}

const BUILD = 'Build the bundle with `opa build -t wasm`, OPA 0.27 or newer.';
/** What OPA's interface lets a policy ask of its host. `opa_println` is not among them: what it prints may be arguments. */
const IMPORTS: ReadonlySet<string> = new Set([
  'memory',
  'opa_abort',
  'opa_builtin0',
  'opa_builtin1',
  'opa_builtin2',
  'opa_builtin3',
  'opa_builtin4',
]);
const EXPORTS = [
  'builtins',
  'entrypoints',
  'eval',
  'opa_eval_ctx_get_result',
  'opa_eval_ctx_new',
  'opa_eval_ctx_set_data',
  'opa_eval_ctx_set_entrypoint',
  'opa_eval_ctx_set_input',
  'opa_heap_ptr_get',
  'opa_heap_ptr_set',
  'opa_json_dump',
  'opa_json_parse',
  'opa_malloc',
];
/** A policy's own tables of names are short. */
const MAX_TABLE = 1 << 20;

/**
 * Compiles a policy and checks that it keeps to OPA's WebAssembly interface, version 1 (https://www.openpolicyagent.org/docs/wasm),
 * before anything evaluates it.
 *
 * @throws {ModuleFault} when it does not.
 */
export function readPolicyModule(bytes: Uint8Array, memory: MemoryLimits): PolicyModule {
  let module: WasmModule;
  try {
    module = new wasm.Module(bytes);
  } catch (cause) {
    throw new ModuleFault('is not WebAssembly', BUILD, cause);
  }
  for (const each of wasm.Module.imports(module)) {
    if (each.module !== 'env' || !IMPORTS.has(each.name))
      throw new ModuleFault(
        `wants ${each.module}.${each.name}, which a policy gets from nobody here`,
        BUILD,
      );
  }
  const kinds = new Map(wasm.Module.exports(module).map(({ name, kind }) => [name, kind]));
  if (kinds.get('opa_wasm_abi_version') !== 'global')
    throw new ModuleFault('does not say which version of the interface it keeps to', BUILD);
  const { exports, memory: used } = instantiate(module, memory);
  const version = exports['opa_wasm_abi_version']?.value;
  const minor = exports['opa_wasm_abi_minor_version']?.value;
  if (version !== 1 || typeof minor !== 'number')
    throw new ModuleFault(
      `keeps to version ${String(version)}.${String(minor)} of the interface, not to 1.x`,
      BUILD,
    );
  const missing = [...EXPORTS, ...(minor >= 2 ? ['opa_eval'] : [])].filter(
    (name) => kinds.get(name) !== 'function',
  );
  if (missing.length > 0) throw new ModuleFault(`does not export ${missing.join(', ')}`, BUILD);
  const builtins = readTable(exports, used, 'builtins');
  return {
    module,
    entrypoints: readTable(exports, used, 'entrypoints'),
    builtins: [...builtins.keys()],
  };
}

/** A policy that is asked for its tables only gets no function that does anything. */
function instantiate(
  module: WasmModule,
  limits: MemoryLimits,
): { exports: Exports; memory: { readonly buffer: ArrayBuffer } } {
  const none = (): never => {
    throw new TaperError('policy_invalid', 'A policy called out while it was loaded.');
  };
  try {
    const memory = new wasm.Memory(limits);
    const functions = [...IMPORTS].filter((name) => name !== 'memory').map((name) => [name, none]);
    const env = { ...Object.fromEntries(functions), memory };
    return { exports: new wasm.Instance(module, { env }).exports, memory };
  } catch (cause) {
    if (cause instanceof wasm.LinkError)
      throw new ModuleFault(
        `does not work with ${limits.maximum} pages of memory`,
        'Raise `maxMemory` if the policy is yours.',
        cause,
      );
    throw new ModuleFault('cannot be started', BUILD, cause);
  }
}

function readTable(
  exports: Exports,
  memory: { readonly buffer: ArrayBuffer },
  name: 'builtins' | 'entrypoints',
): ReadonlyMap<string, number> {
  const fault = (cause?: unknown): ModuleFault =>
    new ModuleFault(`gives no table of its ${name}`, BUILD, cause);
  let text: string;
  try {
    const address = exports['opa_json_dump']?.(exports[name]?.() ?? 0) ?? 0;
    const bytes = new Uint8Array(memory.buffer).subarray(
      address >>> 0,
      (address >>> 0) + MAX_TABLE,
    );
    const end = bytes.indexOf(0);
    if (end < 0) throw fault();
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(0, end),
    );
  } catch (cause) {
    throw cause instanceof ModuleFault ? cause : fault(cause);
  }
  const read = parseJson(text);
  if (!read.ok || !isJsonObject(read.value)) throw fault();
  const table = new Map<string, number>();
  for (const [key, value] of Object.entries(read.value)) {
    if (!Number.isSafeInteger(value)) throw fault();
    table.set(key, value as number);
  }
  return table;
}
