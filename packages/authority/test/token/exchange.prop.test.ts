import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/refusal.ts';
import { handOn, verified } from './chains.ts';
import { details, KEYS, openOffice, subjectOf } from './office.ts';

const { desk, till } = KEYS;

/** The text with another character at one place. */
function changed(text: string, place: number, character: string): string {
  const at = place % text.length;
  return `${text.slice(0, at)}${character}${text.slice(at + 1)}`;
}

const CHARACTERS = [...'AQgw-_.~ %"\u0000é'];
const ERRORS = new Set<unknown>(Object.values(REFUSALS).map(({ oauth }) => oauth));

test('an exchange with one character changed in any token is refused, and never fails', async () => {
  const failures: unknown[] = [];
  const office = await openOffice({ onFailure: (error) => failures.push(error) });
  const root = verified([await office.root(desk)]);
  const subject = subjectOf(await handOn(root, desk, till));
  const identity = await office.identity(till);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('subject_token', 'actor_token', 'client_assertion'),
      fc.nat(),
      fc.constantFrom(...CHARACTERS),
      async (parameter, place, character) => {
        const honest = parameter === 'subject_token' ? subject : identity;
        const text = changed(honest, place, character);
        fc.pre(text !== honest);
        // The proof is made over what is sent: it is not what refuses.
        const answer =
          parameter === 'subject_token'
            ? await office.exchange(till, text)
            : await office.exchange(till, subject, { [parameter]: text });
        expect(answer.status).toBe(400);
        expect(['invalid_request', 'invalid_client']).toContain(answer.body['error']);
      },
    ),
    { numRuns: 300 },
  );
  expect(failures).toEqual([]);
  expect((await office.exchange(till, subject)).outcome).toBe('ok');
});

test('whatever stands in any parameter, the answer is an OAuth error and never a failure', async () => {
  const failures: unknown[] = [];
  const office = await openOffice({ onFailure: (error) => failures.push(error) });
  const root = verified([await office.root(desk)]);
  const subject = subjectOf(await handOn(root, desk, till));
  const parameters = [
    'grant_type',
    'client_id',
    'client_assertion',
    'client_assertion_type',
    'req_cnf',
    'authorization_details',
    'audience',
    'resource',
    'scope',
    'grant',
    'lifetime',
    'max_depth',
    'pending',
    'subject_token',
    'subject_token_type',
    'subject_evidence',
    'actor_token',
    'actor_token_type',
    'requested_token_type',
  ];
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.json().map((json) => `[{"type":"attenuating_agent_token","tools":${json}}]`),
    fc.json().map((json) => details({ refund: { order: JSON.parse(json) } })),
    fc.constantFrom('0', '-1', '1e3', '{}', '[]', 'null', '~', '..', 'a.b.c', '__proto__'),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...parameters), value, async (parameter, text) => {
      const answer = await office.exchange(till, subject, { [parameter]: text });
      if (answer.status === 200) return;
      expect(answer.status).toBe(400);
      expect(ERRORS.has(answer.body['error'])).toBe(true);
    }),
    { numRuns: 500 },
  );
  expect(failures).toEqual([]);
});
