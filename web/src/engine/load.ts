/** Getting the files of a scene, most wanted first. */

import type { Fetch } from "./contract";
import type { Decoder } from "./decode/decoder";
import type { Job, Results } from "./decode/jobs";

export interface Wanted<J extends Job = Job> {
  file: string;
  bytes: number;
  job: J;
  /** Least comes first. */
  order: number;
  use: (result: Results[J["type"]]) => void;
}

/** Files asked for at a time: enough to keep a connection busy, few enough that the nearest come first. */
const AT_A_TIME = 6;

/** Fetch, decode and use files in their order; settles when all are used, rejects with the first that cannot be had. */
export async function loadAll(
  wanted: Wanted[],
  fetch: Fetch,
  decoder: Decoder,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<void> {
  const queue = [...wanted].sort((a, b) => a.order - b.order);
  const total = queue.reduce((sum, { bytes }) => sum + bytes, 0) || 1;
  let done = 0;
  const take = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const bytes = await twice(() => fetch(next.file, signal), signal);
      const result = await decoder.run(next.job, bytes);
      signal.throwIfAborted();
      next.use(result);
      done += next.bytes;
      progress(done / total);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, take));
}

/** A file that fails once is asked for again. */
async function twice<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 300));
    signal.throwIfAborted();
    return ask().catch(() => Promise.reject(error));
  }
}
