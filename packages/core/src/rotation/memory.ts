import type { RotationMemory, VerifiedRotation } from './succession.ts';

/** A memory of two generations, each of at most so many characters: what is used survives, the rest is gone within twice that. Never holds a refusal. */
export function createRotationMemory(maxCharacters: number): RotationMemory {
  let young = new Map<string, VerifiedRotation>();
  let old = new Map<string, VerifiedRotation>();
  let characters = 0;
  function add(rotation: VerifiedRotation): void {
    const { compact } = rotation;
    if (compact.length > maxCharacters || young.has(compact)) return;
    if (characters + compact.length > maxCharacters) {
      old = young;
      young = new Map();
      characters = 0;
    }
    young.set(compact, rotation);
    characters += compact.length;
  }
  return {
    add,
    get(compact) {
      const recent = young.get(compact);
      if (recent !== undefined) return recent;
      const known = old.get(compact);
      if (known !== undefined) add(known);
      return known;
    },
  };
}
