import { constraintPhrase, narrowingPhrases } from './constraint-phrase.ts';
import type {
  ArgumentChange,
  PermittedCall,
  ReceiptGrant,
  ToolAuthority,
  ToolChange,
} from './model.ts';
import type { Phrase } from './phrase.ts';

/** What happened to one argument; `before` only where something was there and changed. */
export interface ArgumentWords {
  /** Undefined for the arguments that are not named. */
  readonly argument: string | undefined;
  readonly before?: Phrase;
  readonly after: Phrase;
  readonly tone: 'granted' | 'unchanged' | 'narrowed' | 'dropped';
}

/** What is allowed for an argument, and whether it may be left out. */
export function grantPhrase({ required, constraint }: ReceiptGrant): Phrase {
  return [...constraintPhrase(constraint), required ? '' : ', optional'];
}

/** The rows of a tool in what is left. */
export function authorityWords({
  arguments: granted,
  unnamed,
}: ToolAuthority): readonly ArgumentWords[] {
  const rows = granted.map(
    ({ argument, ...grant }): ArgumentWords => ({
      argument,
      after: grantPhrase(grant),
      tone: 'granted',
    }),
  );
  const rest = unnamedWords(unnamed);
  return rest === undefined ? rows : [...rows, rest];
}

/** The rows of a tool at a hop; none for a tool that was dropped or stayed as it was. */
export function toolWords(change: ToolChange): readonly ArgumentWords[] {
  if (change.change === 'dropped' || change.change === 'unchanged') return [];
  const rest = unnamedWords(change.unnamed);
  const rows = change.arguments.map(argumentWords);
  return rest === undefined ? rows : [...rows, rest];
}

/** The rows of a permitted call: arguments by name, never by value. */
export function callArguments({ arguments: given }: PermittedCall): readonly ArgumentWords[] {
  return given.map(({ argument, grant }) => ({
    argument,
    after:
      grant === undefined ? ['any value'] : ['satisfies ', ...constraintPhrase(grant.constraint)],
    tone: 'granted',
  }));
}

function argumentWords(change: ArgumentChange): ArgumentWords {
  const { argument } = change;
  switch (change.change) {
    case 'granted':
      return { argument, after: grantPhrase(change.after), tone: 'granted' };
    case 'unchanged':
      return { argument, after: ['unchanged'], tone: 'unchanged' };
    case 'constrained':
      return {
        argument,
        before: ['any value or none'],
        after: grantPhrase(change.after),
        tone: 'narrowed',
      };
    case 'dropped':
      return { argument, before: grantPhrase(change.before), after: ['dropped'], tone: 'dropped' };
    case 'narrowed':
      return { argument, ...narrowedWords(change.before, change.after), tone: 'narrowed' };
  }
}

function narrowedWords(
  before: ReceiptGrant,
  after: ReceiptGrant,
): { readonly before: Phrase; readonly after: Phrase } {
  const constraints = narrowingPhrases(before.constraint, after.constraint);
  if (before.required === after.required) return constraints;
  return {
    before: [...constraints.before, ', optional'],
    after: [...constraints.after, ', required'],
  };
}

/** The row for arguments that are not named; undefined where every argument had to be named before. */
function unnamedWords(unnamed: 'any' | 'refused' | 'dropped'): ArgumentWords | undefined {
  if (unnamed === 'refused') return undefined;
  if (unnamed === 'any')
    return { argument: undefined, after: ['any other argument, any value'], tone: 'granted' };
  return {
    argument: undefined,
    before: ['any other argument'],
    after: ['refused'],
    tone: 'dropped',
  };
}
