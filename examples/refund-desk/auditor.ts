import { answerQuestions } from './processes.ts';
import { type Said, taper } from './taper.ts';

// Somebody from outside, who holds no secret and asks nobody. All that they do is run `taper verify`: on a file that somebody
// gave them, with root issuers and a trust policy that come from elsewhere.

/** File names in their own folder. */
export interface VerifyDetail {
  readonly folder: string;
  readonly bundle: string;
  readonly anchors: string;
  readonly policy: string;
}

answerQuestions({
  verify: ({ folder, bundle, anchors, policy }: VerifyDetail): Promise<Said> =>
    taper(folder, ['verify', bundle, '--anchors', anchors, '--policy', policy]),
});
