import { TaperError } from '@taper/core';

/** Where in a policy set a problem lies. */
export interface PolicyPlace {
  /** The file as it was named, or `policies`, `schema`, `entities` for text without a name. */
  readonly file: string;
  /** From 1. */
  readonly line?: number | undefined;
  /** From 1, in characters. */
  readonly column?: number | undefined;
}

/** A policy set was not loaded: nothing of it is in force. `code` is `policy_invalid`. */
export class PolicyLoadError extends TaperError {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(
    { file, line, column }: PolicyPlace,
    problem: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    const place = [file, line, column].filter((part) => part !== undefined).join(':');
    super('policy_invalid', `${place}: ${problem}`, options);
    this.name = 'PolicyLoadError';
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Line and column of a position in the UTF-8 bytes of a text, both from 1. */
export function placeOf(file: string, text: string, byteOffset: number | undefined): PolicyPlace {
  if (byteOffset === undefined) return { file };
  const before = Buffer.from(text).subarray(0, byteOffset).toString();
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    file,
    line: before.split('\n').length,
    column: [...before.slice(lineStart)].length + 1,
  };
}
