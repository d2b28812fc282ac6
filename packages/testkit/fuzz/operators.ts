import type { Operator } from './attack.ts';
import { BENIGN } from './operators-benign.ts';
import { CALL } from './operators-call.ts';
import { CAVEATS } from './operators-caveats.ts';
import { CLAIMS } from './operators-claims.ts';
import { COMPOSITE } from './operators-composite.ts';
import { ENCODING } from './operators-encoding.ts';
import { KEYS } from './operators-keys.ts';
import { PROOF } from './operators-proof.ts';
import { STRUCTURE } from './operators-structure.ts';
import { WIDENING } from './operators-widening.ts';

/** Everything that is tried. */
export const OPERATORS: readonly Operator[] = [
  ...STRUCTURE,
  ...WIDENING,
  ...COMPOSITE,
  ...CLAIMS,
  ...CAVEATS,
  ...KEYS,
  ...ENCODING,
  ...PROOF,
  ...CALL,
  ...BENIGN,
];
