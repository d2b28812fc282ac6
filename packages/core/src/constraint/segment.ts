/**
 * Code points that no path segment may hold, as ascending inclusive ranges: what some file system, server, shell or
 * screen drops, folds or takes for a separator. Written out, not taken from the runtime's Unicode tables, so that
 * every implementation gives the same verdict. `docs/constraints/path.md` says why for each group.
 */
export const REFUSED_CODE_POINTS: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x2f, 0x2f],
  [0x5c, 0x5c],
  [0x7f, 0xa0],
  [0xa5, 0xa5],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2024, 0x2026],
  [0x2028, 0x202f],
  [0x2044, 0x2044],
  [0x205f, 0x206f],
  [0x20a9, 0x20a9],
  [0x2100, 0x2101],
  [0x2105, 0x2106],
  [0x2215, 0x2216],
  [0x2236, 0x2236],
  [0x29f5, 0x29f5],
  [0x29f8, 0x29f9],
  [0x2a74, 0x2a74],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfe13, 0xfe13],
  [0xfe19, 0xfe19],
  [0xfe30, 0xfe30],
  [0xfe52, 0xfe52],
  [0xfe55, 0xfe55],
  [0xfe68, 0xfe68],
  [0xfe6a, 0xfe6a],
  [0xfeff, 0xfeff],
  [0xff05, 0xff05],
  [0xff0e, 0xff0f],
  [0xff1a, 0xff1a],
  [0xff3c, 0xff3c],
  [0xffa0, 0xffa0],
  [0xffe5, 0xffe6],
  [0xfff0, 0xffff],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

/**
 * Whether a segment means the same to whoever checks it and whoever opens it: not empty, not ending in a dot or a
 * space (so never `.` or `..`), free of {@link REFUSED_CODE_POINTS}. Linear in its length.
 */
export function isPlainSegment(segment: string): boolean {
  if (segment === '' || segment.endsWith('.') || segment.endsWith(' ')) return false;
  for (let index = 0; index < segment.length; index += 1) {
    const codePoint = segment.codePointAt(index) ?? 0;
    if (isRefused(codePoint)) return false;
    if (codePoint > 0xffff) index += 1;
  }
  return true;
}

/** Finds the first range that does not end before the code point, by halving. */
function isRefused(codePoint: number): boolean {
  let [low, high] = [0, REFUSED_CODE_POINTS.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((REFUSED_CODE_POINTS[middle]?.[1] ?? 0) < codePoint) low = middle + 1;
    else high = middle;
  }
  return codePoint >= (REFUSED_CODE_POINTS[low]?.[0] ?? Number.POSITIVE_INFINITY);
}
