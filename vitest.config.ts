import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['@taper/source'] } },
  resolve: { conditions: ['@taper/source'] },
  test: {
    include: ['{packages,examples,bench,vectors,tools}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests make ports fail on purpose.
    execArgv: ['--disable-warning=TAPER_PORT_FAILED'],
    maxWorkers: 2,
    // Processes that tests start would each compile the same modules again: a fifth of all the time.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(
        new URL('node_modules/.cache/taper-compile', import.meta.url),
      ),
    },
  },
});
