/** The decoder as a worker, which also fetches what it is to decode. */

import { buffersOf, type Job, perform } from "./jobs";

self.onmessage = async (event: MessageEvent<{ id: number; job: Job; address?: string; bytes?: ArrayBuffer }>) => {
  const { id, job, address, bytes } = event.data;
  try {
    const result = perform(job, bytes ?? (await fetched(address!)));
    self.postMessage({ id, result }, { transfer: buffersOf(result) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};

async function fetched(address: string): Promise<ArrayBuffer> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.arrayBuffer();
}
