// `taper` from its sources, as a process of its own.
import { runProcess } from '../src/main.ts';

process.exitCode = await runProcess();
