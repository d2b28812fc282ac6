import { resolve } from 'node:path';
import { readHome } from '../authority/home.ts';
import {
  announceRoot,
  promoteRoot,
  type RotationStep,
  retireRoot,
} from '../authority/root-rotation.ts';
import { type AnyCommand, defineCommand } from '../command-definition.ts';
import { Failure } from '../failure.ts';
import { withLog } from '../log/failure.ts';
import { choiceOption, flagOption, valueOption } from '../option.ts';
import { formatTime } from '../text/time.ts';

interface RootRotateOptions {
  readonly stage?: keyof typeof DONE;
  readonly dir?: string;
  readonly early?: boolean;
  readonly compromised?: boolean;
}

const DONE = {
  announce: 'is announced; promote it when verifiers have fetched that, in two days',
  promote: 'signs from now on; nodes that run take that up within a minute',
  retire: 'is the one root key of this node; the private half of the old one is not here any more',
} as const;

export const rootRotate: AnyCommand = defineCommand<RootRotateOptions>({
  name: 'root rotate',
  summary: 'replace the root key of an authority, while it runs',
  description:
    'In three stages. announce: the next root key comes into the published trust anchors; it is the one that taper.json names as ' +
    'next_root, or a new one in a file. promote, two days later: it signs from now on; the old one verifies until the last of its ' +
    'tokens has ended. retire: the private half of the old one leaves this node.\n\n' +
    'It works on the folder of the authority, whether that runs or not. Where several nodes share a database, announce and promote on ' +
    'one of them, and give the others the new key before you promote.',
  operands: [],
  options: [
    choiceOption('--stage <stage>', 'what to do', Object.keys(DONE)),
    valueOption('--dir <folder>', 'folder that `taper up` made (default: this one)'),
    flagOption('--early', 'promote although it was announced less than two days ago'),
    flagOption('--compromised', 'promote at once; the old key verifies nothing any more'),
  ],
  examples: [
    {
      line: 'taper root rotate --stage announce --dir authority',
      does: 'Makes the next root key known.',
    },
    {
      line: 'taper root rotate --stage promote --dir authority',
      does: 'Signs with it, two days later.',
    },
    { line: 'taper root rotate --stage retire --dir authority', does: 'Destroys the old one.' },
  ],
  async run(_, { stage, dir, early = false, compromised = false }, session) {
    if (stage === undefined)
      throw new Failure('usage', 'it is not said which stage', {
        field: '--stage',
        hint: `One of ${Object.keys(DONE).join(', ')}, in this order.`,
      });
    if (stage !== 'promote' && (early || compromised))
      throw new Failure('usage', '--early and --compromised are for --stage promote', {
        field: early ? '--early' : '--compromised',
        hint: 'Leave it out.',
      });
    const folder = resolve(session.io.cwd, dir ?? '.');
    const config = await readHome(folder);
    if (config === undefined)
      throw new Failure('usage', 'there is no authority in this folder', {
        field: '--dir',
        hint: 'Name the folder that `taper up` made.',
      });
    const options = { folder, config, clock: session.io.clock };
    const step = await withLog(() => {
      if (stage === 'announce') return announceRoot(options);
      if (stage === 'retire') return retireRoot(options);
      return promoteRoot({ ...options, early, compromised });
    });
    return {
      exitCode: 0,
      text: '',
      json: jsonOf(step),
      notes: [`root key ${step.key} ${DONE[stage]}`],
    };
  },
});

function jsonOf({ latest, key }: RotationStep): object {
  return {
    key,
    sequence: latest.sequence,
    anchors: latest.anchors.map((entry) => ({
      key: entry.key.thumbprint,
      state: entry.state,
      hybrid: entry.hybrid?.alg ?? null,
      not_before: formatTime(entry.notBefore),
      not_after: entry.notAfter === undefined ? null : formatTime(entry.notAfter),
    })),
  };
}
