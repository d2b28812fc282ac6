import { platform } from '#crypto';
import { TaperError } from './error.ts';
import type { SignatureCheck } from './jws.ts';
import { precheckSignature } from './signature.ts';

/**
 * Runs an algorithm whose signatures are checked synchronously; the form of each signature is judged first.
 *
 * @throws TaperError `crypto_asynchronous` in a browser.
 */
export function driveSync<Result>(steps: Generator<SignatureCheck, Result, boolean>): Result {
  const { verify } = platform;
  if (verify === undefined) {
    throw new TaperError('crypto_asynchronous', 'This platform checks signatures asynchronously.', {
      hint: 'Use the function whose name ends in Async.',
    });
  }
  let step = steps.next();
  while (step.done !== true) {
    const { key, input, signature } = step.value;
    step = steps.next(hasForm(step.value) && verify(key, input, signature) === true);
  }
  return step.value;
}

/** As {@link driveSync}, where signatures are checked asynchronously; works everywhere. */
export async function driveAsync<Result>(
  steps: Generator<SignatureCheck, Result, boolean>,
): Promise<Result> {
  let step = steps.next();
  while (step.done !== true) {
    const { key, input, signature } = step.value;
    const valid = hasForm(step.value) && (await platform.verifyAsync(key, input, signature));
    step = steps.next(valid === true);
  }
  return step.value;
}

function hasForm({ key, signature }: SignatureCheck): boolean {
  return precheckSignature(key.alg, signature) === undefined;
}
