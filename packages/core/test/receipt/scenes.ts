import { createReceipt, denial, type Receipt } from '../../src/index.ts';
import {
  ARGS,
  call,
  compacts,
  forge,
  NAMES,
  NOW,
  permit,
  stranger,
  verify,
  widened,
} from './story.ts';

const options = { names: NAMES, now: NOW + 30 };
const root = await forge(compacts[0] as string, stranger, () => {});

/** One receipt of every kind. */
export const SCENES: ReadonlyMap<string, Receipt> = new Map([
  ['permitted call', createReceipt(permit, options)],
  ['verified chain', createReceipt(verify(compacts), options)],
  ['verified root', createReceipt(verify(compacts.slice(0, 1)))],
  ['refused call', createReceipt(await call({ ...ARGS, amount: 21 }), options)],
  ['refused proof', createReceipt(await call(ARGS, { now: NOW + 100 }))],
  ['break at the root', createReceipt(verify([root, ...compacts.slice(1)]), options)],
  ['break in the middle', createReceipt(widened, options)],
  ['break before signatures', createReceipt(verify([...compacts, compacts[0] as string]))],
  ['expired', createReceipt(verify(compacts, NOW + 1900), { now: NOW + 1900 })],
  ['no token', createReceipt(verify([]))],
  [
    'no chain',
    createReceipt({
      verdict: 'deny',
      denial: denial('proof_replayed', { step: '7i' }),
      chainVerdict: undefined,
    }),
  ],
]);
