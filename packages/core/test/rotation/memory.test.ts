import { expect, it } from 'vitest';
import { createRotationMemory } from '../../src/rotation/memory.ts';
import type { VerifiedRotation } from '../../src/rotation/succession.ts';

const rotation = (compact: string): VerifiedRotation => ({ compact }) as VerifiedRotation;
const text = (number: number, length = 10): string => String(number).padEnd(length, '.');

it('R09 what is remembered of rotation statements is bounded, and what is used stays', () => {
  const memory = createRotationMemory(100);
  for (let each = 0; each < 1000; each += 1) {
    memory.add(rotation(text(each)));
    expect(memory.get(text(0))?.compact).toBe(text(0));
  }
  const held = Array.from({ length: 1000 }, (_, each) => memory.get(text(each))).filter(
    (each) => each !== undefined,
  );
  expect(held.length).toBeGreaterThan(1);
  expect(held.length).toBeLessThanOrEqual(20);
});

it('R09 a statement longer than the whole memory is not remembered, and displaces nothing', () => {
  const memory = createRotationMemory(100);
  memory.add(rotation(text(1)));
  memory.add(rotation(text(2, 101)));
  expect(memory.get(text(2, 101))).toBeUndefined();
  expect(memory.get(text(1))?.compact).toBe(text(1));
  const off = createRotationMemory(0);
  off.add(rotation(text(3)));
  expect(off.get(text(3))).toBeUndefined();
});
