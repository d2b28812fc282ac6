import { TaperError } from './error.ts';

/**
 * Refuses an option that nobody knows, or that is there and has no value: a mistyped `policy`, or one that was not loaded,
 * must not mean that there is none.
 * @throws {TaperError} `option_invalid`.
 */
export function requireKnownOptions(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new TaperError('option_invalid', `There is no option \`${name}\`.`, {
        hint: `The options are ${[...known].sort().join(', ')}.`,
      });
    }
    if (value === undefined) {
      throw new TaperError('option_invalid', `The option \`${name}\` is undefined.`, {
        hint: 'Give it a value, or leave it out to do without.',
      });
    }
  }
}
