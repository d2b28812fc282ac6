import type { AuthorityStore } from '@taper/authority';

/** Setting with the latest time that was seen, in seconds since the epoch. */
const MARK = 'clock';

/** Seconds by which the clock of this machine may step back, as NTP makes it do, before somebody is told. */
const MAX_STEP_BACK = 2;

/** A clock that never runs backwards, also over a restart: what has ended (a grant, an enrolment, what waits for approval) stays so. */
export interface ForwardClock {
  /** Seconds since the epoch. Stands still while the machine's clock is behind. */
  now(): number;
  /** Whether the machine's clock is behind what was seen. */
  isBehind(): boolean;
  /**
   * Keeps in the store what was seen at the call before this one: a clock that was wrong for less than that, and was set right, is over
   * with a restart. To be called once a minute.
   */
  keep(): Promise<void>;
}

/** Says in a store that it was that late: no clock on it says less. @throws whatever the store throws. */
export async function keepLatest(store: AuthorityStore, time: number): Promise<void> {
  await store.transaction(async (tx) => {
    // Another node may have come further.
    const other = Number((await tx.findSetting(MARK)) ?? 0);
    if (!(other >= time)) await tx.putSetting(MARK, String(time));
  });
}

/** @throws whatever the store throws. */
export async function openForwardClock(
  clock: () => number,
  store: AuthorityStore,
): Promise<ForwardClock> {
  let latest = await readMark();
  let kept = latest;
  let settled = latest;

  async function readMark(): Promise<number> {
    const mark = Number(await store.read((tx) => tx.findSetting(MARK)));
    return Number.isSafeInteger(mark) ? mark : 0;
  }

  function now(): number {
    const time = clock();
    if (Number.isSafeInteger(time) && time > latest) latest = time;
    return latest;
  }

  return {
    now,
    isBehind: () => !(clock() >= latest - MAX_STEP_BACK),
    async keep() {
      const mark = settled;
      settled = now();
      if (mark <= kept) return;
      await keepLatest(store, mark);
      kept = mark;
    },
  };
}
