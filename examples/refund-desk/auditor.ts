import { once } from 'node:events';
import { connect } from 'node:net';
import { answerQuestions } from './processes.ts';
import { type Said, taper } from './taper.ts';

// Somebody from outside, who holds no secret and asks nobody: the process has no network. All that they do is run `taper verify`: on a
// file that somebody gave them, with root issuers and a trust policy that come from elsewhere.

/** File names in their own folder. */
export interface VerifyDetail {
  readonly folder: string;
  readonly bundle: string;
  readonly anchors: string;
  readonly policy: string;
}

answerQuestions({
  /** Tries to reach a server that is there. The answer is the error, as the system names it; nothing, if it was reached. */
  async reach(url: string): Promise<string | undefined> {
    const { hostname, port } = new URL(url);
    try {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.destroy();
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  },

  verify: ({ folder, bundle, anchors, policy }: VerifyDetail): Promise<Said> =>
    taper(folder, ['verify', bundle, '--anchors', anchors, '--policy', policy]),
});
