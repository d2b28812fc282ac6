import type { JsonObject } from '@taper/core';
import { openStory, policy, toldDenial } from './story.ts';

/** A bundle over a log of 1,000 events, of which two are shown, with a staple and an older checkpoint; and a policy under which it passes. */
export async function bundleOfThousand(): Promise<{
  readonly bundle: Buffer;
  readonly policy: JsonObject;
}> {
  const story = await openStory();
  const recordMany = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => story.recorder.record(toldDenial())));
  await recordMany(400);
  const held = await story.publish();
  await story.pay();
  await recordMany(598);
  const shows = ({ sequence }: { readonly sequence: number }): boolean =>
    sequence === 401 || sequence === 402;
  const staples = [await story.staple()];
  const bundle = Buffer.from(await story.bundle({ shows, staples, earlier: [held] }));
  return { bundle, policy: policy({ required: { sequences: { first: 401, last: 402 } } }) };
}
