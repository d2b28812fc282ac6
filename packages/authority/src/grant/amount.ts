/** Whether the second of two exact decimals, neither negative, is at most the first. */
export function isAtMost(before: string, after: string): boolean {
  const [left, right] = [partsOf(before), partsOf(after)];
  if (left.whole.length !== right.whole.length) return right.whole.length < left.whole.length;
  const places = Math.max(left.fraction.length, right.fraction.length);
  return digits(right, places) <= digits(left, places);
}

interface Parts {
  readonly whole: string;
  readonly fraction: string;
}

function partsOf(amount: string): Parts {
  const [whole = '', fraction = ''] = amount.split('.');
  return { whole, fraction };
}

function digits({ whole, fraction }: Parts, places: number): string {
  return `${whole}${fraction.padEnd(places, '0')}`;
}
