/** Numbers by the time at which they are due: a binary heap. */
export interface ExpiryQueue {
  add(item: number, time: number): void;
  /** Takes the item that is due first, if it is due at `time` or before. */
  take(time: number): number | undefined;
}

export function createExpiryQueue(): ExpiryQueue {
  const items: number[] = [];
  const times: number[] = [];

  const put = (at: number, item: number, time: number): void => {
    items[at] = item;
    times[at] = time;
  };
  const move = (from: number, to: number): void =>
    put(to, items[from] as number, times[from] as number);

  return {
    add(item, time) {
      let at = items.length;
      for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
        if ((times[above] as number) <= time) break;
        move(above, at);
        at = above;
      }
      put(at, item, time);
    },
    take(time) {
      const first = items[0];
      if (first === undefined || (times[0] as number) > time) return undefined;
      const item = items.pop() as number;
      const due = times.pop() as number;
      const end = items.length;
      if (end === 0) return first;
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= end) break;
        if (below + 1 < end && (times[below + 1] as number) < (times[below] as number)) below += 1;
        if ((times[below] as number) >= due) break;
        move(below, at);
        at = below;
      }
      put(at, item, due);
      return first;
    },
  };
}
