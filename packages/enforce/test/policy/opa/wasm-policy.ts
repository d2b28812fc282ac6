// Makes WebAssembly modules that keep to the interface of compiled OPA policies (https://www.openpolicyagent.org/docs/wasm):
// values are addresses of JSON texts, and rules look for texts in the input. It is no compiler of Rego.

export interface WasmRule {
  /** Texts that the input, in RFC 8785 form, must hold. */
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
  readonly does: WasmAct;
}

/** A result set as JSON text; a builtin to call before it is given; a message to abort with; a trap. */
export type WasmAct =
  | { readonly gives: string }
  | { readonly calls: string; readonly with: string; readonly gives: string }
  | { readonly aborts: string }
  | { readonly traps: true };

export interface WasmPolicy {
  /** Name to rules; the first that applies acts. Without one, the result set is empty. */
  readonly entrypoints: Readonly<Record<string, readonly WasmRule[]>>;
  /** Name to number. */
  readonly builtins?: Readonly<Record<string, number>>;
  readonly version?: number;
  /** 2 has `opa_eval`, 1 does not. */
  readonly minor?: number;
  /** Pages of memory that it wants at least. */
  readonly pages?: number;
  readonly withoutExports?: readonly string[];
  /** Further imports, of type (i32) -> (). */
  readonly imports?: readonly string[];
  /** What `entrypoints` gives instead of its table; an address where it is a number. */
  readonly entrypointTable?: string | number;
  /** A trap where the module starts. */
  readonly trapsAtStart?: boolean;
}

const I32 = 0x7f;
const END = 0x0b;
const IF = [0x04, 0x40];
const RETURN = 0x0f;
const EQZ = 0x45;
const EQ = 0x46;
const NE = 0x47;
const GT_U = 0x4b;
const ADD = 0x6a;
const AND = 0x71;
const LOAD8_U = [0x2d, 0x00, 0x00];
const UNREACHABLE = 0x00;
const DROP = 0x1a;
const get = (index: number): number[] => [0x20, index];
const set = (index: number): number[] => [0x21, index];
const getGlobal = (index: number): number[] => [0x23, index];
const setGlobal = (index: number): number[] => [0x24, index];
const call = (index: number): number[] => [0x10, index];
const constant = (value: number): number[] => [0x41, ...signed(value)];

/** Results, then parameters, of each type of function. */
const TYPES = [
  [1, 0],
  [1, 1],
  [1, 2],
  [0, 1],
  [0, 2],
  [1, 7],
  [1, 3],
  [1, 4],
  [0, 0],
] as const;
const HEAP = 0;
const INPUT = 3;
const LENGTH = 4;
const ENTRYPOINT = 5;
const RESULT = 6;

export function wasmPolicy(policy: WasmPolicy): Uint8Array {
  const { version = 1, minor = 2, pages = 2, imports = [], withoutExports = [] } = policy;
  const texts = new Texts();
  const names = Object.keys(policy.entrypoints);
  const table =
    policy.entrypointTable ??
    JSON.stringify(Object.fromEntries(names.map((name, index) => [name, index])));
  const entrypoints = typeof table === 'number' ? table : texts.at(table);
  const builtins = texts.at(JSON.stringify(policy.builtins ?? {}));
  const empty = texts.at('[]');

  const first = 2 + imports.length;
  const [contains, evaluate] = [first, first + 1];
  const act = (does: WasmAct): number[] => {
    if ('traps' in does) return [UNREACHABLE];
    if ('aborts' in does) return [...constant(texts.at(does.aborts)), ...call(0), UNREACHABLE];
    const given = [...constant(texts.at(does.gives)), RETURN];
    if (!('calls' in does)) return given;
    const id = policy.builtins?.[does.calls] ?? 999;
    return [
      ...constant(id),
      ...constant(0),
      ...constant(texts.at(does.with)),
      ...call(1),
      DROP,
      ...given,
    ];
  };
  const holds = (needle: string): number[] => [
    ...get(1),
    ...get(2),
    ...constant(texts.at(needle)),
    ...constant(Buffer.byteLength(needle)),
    ...call(contains),
  ];
  const rule = ({ has = [], lacks = [], does }: WasmRule): number[] => [
    ...constant(1),
    ...has.flatMap((needle) => [...holds(needle), AND]),
    ...lacks.flatMap((needle) => [...holds(needle), EQZ, AND]),
    ...IF,
    ...act(does),
    END,
  ];
  const choose = names.flatMap((name, index) => [
    ...get(0),
    ...constant(index),
    EQ,
    ...IF,
    ...(policy.entrypoints[name] ?? []).flatMap(rule),
    END,
  ]);

  const functions: { name: string; type: number; locals?: number; code: number[] }[] = [
    { name: 'contains', type: 7, locals: 2, code: CONTAINS },
    { name: 'evaluate', type: 6, code: [...choose, ...constant(empty)] },
    {
      name: 'eval',
      type: 1,
      code: [
        ...getGlobal(ENTRYPOINT),
        ...getGlobal(INPUT),
        ...getGlobal(LENGTH),
        ...call(evaluate),
        ...setGlobal(RESULT),
        ...constant(0),
      ],
    },
    {
      name: 'opa_eval',
      type: 5,
      code: [...get(5), ...setGlobal(HEAP), ...get(1), ...get(3), ...get(4), ...call(evaluate)],
    },
    { name: 'builtins', type: 0, code: constant(builtins) },
    { name: 'entrypoints', type: 0, code: constant(entrypoints) },
    { name: 'opa_json_dump', type: 1, code: get(0) },
    {
      name: 'opa_json_parse',
      type: 2,
      code: [...get(0), ...setGlobal(INPUT), ...get(1), ...setGlobal(LENGTH), ...get(0)],
    },
    {
      name: 'opa_malloc',
      type: 1,
      code: [...getGlobal(HEAP), ...getGlobal(HEAP), ...get(0), ADD, ...setGlobal(HEAP)],
    },
    { name: 'opa_heap_ptr_get', type: 0, code: getGlobal(HEAP) },
    { name: 'opa_heap_ptr_set', type: 3, code: [...get(0), ...setGlobal(HEAP)] },
    { name: 'opa_eval_ctx_new', type: 0, code: constant(8) },
    { name: 'opa_eval_ctx_set_input', type: 4, code: [] },
    { name: 'opa_eval_ctx_set_data', type: 4, code: [] },
    { name: 'opa_eval_ctx_set_entrypoint', type: 4, code: [...get(1), ...setGlobal(ENTRYPOINT)] },
    { name: 'opa_eval_ctx_get_result', type: 1, code: getGlobal(RESULT) },
    { name: 'start', type: 8, code: [UNREACHABLE] },
  ];
  const globals: readonly (readonly [number, boolean])[] = [
    [texts.end, true],
    [version, false],
    [minor, false],
    [0, true],
    [0, true],
    [0, true],
    [0, true],
  ];
  const absent = new Set([
    'contains',
    'evaluate',
    'start',
    ...(minor < 2 ? ['opa_eval'] : []),
    ...withoutExports,
  ]);
  const exported = [
    ...functions.map(({ name }, index) => ({ name, kind: 0, index: first + index })),
    { name: 'opa_wasm_abi_version', kind: 3, index: 1 },
    { name: 'opa_wasm_abi_minor_version', kind: 3, index: 2 },
  ].filter(({ name }) => !absent.has(name));

  const bytes = [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(
      1,
      TYPES.map(([results, parameters]) => [
        0x60,
        ...list(Array(parameters).fill([I32])),
        ...list(Array(results).fill([I32])),
      ]),
    ),
    section(2, [
      [...name('env'), ...name('memory'), 0x02, 0x00, ...unsigned(pages)],
      [...name('env'), ...name('opa_abort'), 0x00, 3],
      [...name('env'), ...name('opa_builtin1'), 0x00, 6],
      ...imports.map((each) => {
        const [module = '', member = ''] = each.split('.');
        return [...name(module), ...name(member), 0x00, 3];
      }),
    ]),
    section(
      3,
      functions.map(({ type }) => [type]),
    ),
    section(
      6,
      globals.map(([value, mutable]) => [I32, mutable ? 1 : 0, ...constant(value), END]),
    ),
    section(
      7,
      exported.map((each) => [...name(each.name), each.kind, ...unsigned(each.index)]),
    ),
    policy.trapsAtStart === true ? [8, ...vector(unsigned(first + functions.length - 1))] : [],
    section(
      10,
      functions.map(({ locals = 0, code }) =>
        vector([...(locals === 0 ? [0] : [1, locals, I32]), ...code, END]),
      ),
    ),
    section(11, [[0x00, ...constant(Texts.START), END, ...vector([...texts.bytes()])]]),
  ];
  return Uint8Array.from(bytes.flat());
}

/** contains(text, length, part, length of the part): a search that starts at each place. */
const CONTAINS: number[] = [
  ...[0x03, 0x40], // loop over places
  ...[...get(4), ...get(3), ADD, ...get(1), GT_U, ...IF, ...constant(0), RETURN, END],
  ...[...constant(0), ...set(5)],
  ...[0x02, 0x40, 0x03, 0x40], // block, loop over the part
  ...[...get(5), ...get(3), EQ, ...IF, ...constant(1), RETURN, END],
  ...[...get(0), ...get(4), ADD, ...get(5), ADD, ...LOAD8_U],
  ...[...get(2), ...get(5), ADD, ...LOAD8_U, NE, 0x0d, 1],
  ...[...get(5), ...constant(1), ADD, ...set(5), 0x0c, 0],
  ...[END, END],
  ...[...get(4), ...constant(1), ADD, ...set(4), 0x0c, 0],
  END,
  UNREACHABLE,
];

/** Texts in memory, each ended by a zero. */
class Texts {
  static readonly START = 1024;
  readonly #places = new Map<string, number>();
  #next: number = Texts.START;

  at(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#next;
    this.#places.set(text, place);
    this.#next += Buffer.byteLength(text) + 1;
    return place;
  }

  get end(): number {
    return (this.#next + 7) & ~7;
  }

  bytes(): Uint8Array {
    return Buffer.from(Array.from(this.#places.keys(), (text) => `${text}\0`).join(''));
  }
}

function name(text: string): number[] {
  return vector([...Buffer.from(text)]);
}

function vector(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function list(elements: readonly (readonly number[])[]): number[] {
  return [...unsigned(elements.length), ...elements.flat()];
}

function section(id: number, elements: readonly (readonly number[])[]): number[] {
  return [id, ...vector(list(elements))];
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}
