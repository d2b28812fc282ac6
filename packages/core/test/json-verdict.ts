import { type JsonResult, type JsonValue, type NumberForm, TOP_LEVEL } from '../src/json.ts';

/** What a parse decided, in a shape that two parses can be compared by; `forms` has a path of names and indexes per number. */
export type Verdict =
  | {
      readonly value: JsonValue;
      readonly regular: boolean;
      readonly forms: readonly (readonly [string, NumberForm])[];
    }
  | { readonly problem: string; readonly offset: number | undefined };

export function verdictOf(result: JsonResult): Verdict {
  if (!result.ok) return { problem: result.problem, offset: result.offset };
  const { value, numbers } = result;
  const forms: [string, NumberForm][] = [];
  const top = numbers?.get(TOP_LEVEL)?.get(0);
  if (top !== undefined) forms.push(['', top]);
  const visit = (container: JsonValue, path: string): void => {
    if (typeof container !== 'object' || container === null) return;
    const keys = Array.isArray(container) ? [...container.keys()] : Object.keys(container);
    for (const key of keys) {
      const form = numbers?.get(container)?.get(key);
      if (form !== undefined) forms.push([`${path}/${key}`, form]);
      visit((container as Record<string | number, JsonValue>)[key] as JsonValue, `${path}/${key}`);
    }
  };
  visit(value, '');
  return { value, regular: numbers === undefined, forms };
}
