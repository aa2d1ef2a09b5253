/** The decoder as a worker. */

import { buffersOf, type Job, perform } from "./jobs";

self.onmessage = (event: MessageEvent<{ id: number; job: Job; bytes: ArrayBuffer }>) => {
  const { id, job, bytes } = event.data;
  try {
    const result = perform(job, bytes);
    self.postMessage({ id, result }, { transfer: buffersOf(result) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
