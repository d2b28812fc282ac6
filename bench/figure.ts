/** One line of the report. */
export interface Figure {
  readonly name: string;
  /** Signatures that it needs. */
  readonly signatures: number;
  /** Median. */
  readonly microseconds: number;
  /** Those signatures alone, made or checked by the same backend over the same bytes; median, microseconds. */
  readonly raw: number;
  /** Median of the rounds' ratios to `raw`. */
  readonly ratio: number;
}

/** What one part of the bench found out, for the report and for machines. */
export interface Section {
  readonly title: string;
  /** What a newcomer has to know to read it. */
  readonly legend: string;
  readonly figures: readonly Figure[];
}

/** What the design promises, and what was measured. */
export interface Target {
  readonly name: string;
  readonly limit: number;
  readonly value: number;
  readonly unit: 'x' | 'ms' | 'µs' | 'MB' | 'bytes';
}

export function isMet({ limit, value }: Target): boolean {
  return value <= limit;
}
