import { schemaToJsonWithResolvedTypes } from '@cedar-policy/cedar-wasm/nodejs';

/** Whether an argument may be an entity, written as `{"type": …, "id": …}`. Where that cannot be told, it may. */
export function takesEntities(schema: string): boolean {
  const answer = schemaToJsonWithResolvedTypes(schema);
  if (answer.type === 'failure') return true;
  return Object.entries(answer.json).some(
    ([namespace, { actions, commonTypes }]) =>
      namespace !== 'Taper' && JSON.stringify([actions, commonTypes]).includes('"type":"Entity"'),
  );
}
