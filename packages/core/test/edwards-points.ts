/** Curve25519 in its Edwards form by the formulas of RFC 8032 section 5.1, slow and plain: the tests' own source of points. */
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * power(121666n, P - 2n));

interface Point {
  x: bigint;
  y: bigint;
}

/** Every 32-byte encoding, as hex, of every point whose order divides 8: with y reduced or not, and with either sign where x is 0. */
export function smallOrderEncodings(): { canonical: Set<string>; others: Set<string> } {
  const canonical = new Set<string>();
  const others = new Set<string>();
  for (const { x, y } of torsionPoints()) {
    for (const encodedY of [y, y + P]) {
      if (encodedY >= 2n ** 255n) continue;
      for (const sign of x === 0n ? [0n, 1n] : [x & 1n]) {
        const plain = encodedY === y && sign === (x & 1n);
        (plain ? canonical : others).add(hexOfInteger(encodedY | (sign << 255n)));
      }
    }
  }
  return { canonical, others };
}

/** 64 hex digits of a 32-byte little-endian integer. */
export function hexOfInteger(value: bigint): string {
  const bigEndian = value.toString(16).padStart(64, '0');
  return (bigEndian.match(/../g) ?? []).reverse().join('');
}

/** The least y above 2 that no point of the curve has. */
export function yOffTheCurve(): bigint {
  let y = 3n;
  while (xOf(y) !== undefined) y++;
  return y;
}

function torsionPoints(): Point[] {
  for (let y = 3n; ; y++) {
    const x = xOf(y);
    if (x === undefined) continue;
    const generator = multiply({ x, y }, L);
    const points = [generator];
    while (points.length < 8) points.push(add(points[points.length - 1] as Point, generator));
    if (new Set(points.map((point) => point.y * P + point.x)).size === 8) return points;
  }
}

function xOf(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square) !== 0n) x = mod(x * power(2n, (P - 1n) / 4n));
  return mod(x * x - square) === 0n ? x : undefined;
}

function add(a: Point, b: Point): Point {
  const product = mod(D * a.x * b.x * a.y * b.y);
  return {
    x: mod((a.x * b.y + b.x * a.y) * power(1n + product, P - 2n)),
    y: mod((a.y * b.y + a.x * b.x) * power(1n - product, P - 2n)),
  };
}

function multiply(point: Point, scalar: bigint): Point {
  let sum: Point = { x: 0n, y: 1n };
  for (const bit of scalar.toString(2)) {
    sum = add(sum, sum);
    if (bit === '1') sum = add(sum, point);
  }
  return sum;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}
