/** Decoding beside the page where workers can be had, on it where not (a page opened from a file). */

import { type Job, perform, type Results } from "./jobs";

interface Waiting {
  job: Job;
  bytes: ArrayBuffer;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

export class Decoder {
  #workers: Worker[] = [];
  #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(count = 2) {
    try {
      for (let i = 0; i < count; i++) this.#workers.push(this.#start());
    } catch {
      this.#workers = []; // no worker may start here: the page decodes by itself
    }
  }

  run<J extends Job>(job: J, bytes: ArrayBuffer): Promise<Results[J["type"]]> {
    return new Promise<Results[J["type"]]>((resolve, reject) => {
      const waiting: Waiting = { job, bytes, resolve: resolve as (value: never) => void, reject };
      if (!this.#workers.length) return decodeHere(waiting);
      const id = this.#next++;
      this.#waiting.set(id, waiting);
      // Bytes are copied, not handed over: the page decodes them itself should the worker fail to start.
      this.#workers[id % this.#workers.length].postMessage({ id, job, bytes });
    });
  }

  dispose(): void {
    for (const worker of this.#workers) worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new DOMException("decoder was closed", "AbortError"));
    this.#waiting.clear();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<{ id: number; result?: never; error?: string }>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error !== undefined) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result as never);
    };
    worker.onerror = () => {
      for (const one of this.#workers) one.terminate();
      this.#workers = [];
      const left = [...this.#waiting.values()];
      this.#waiting.clear();
      left.forEach(decodeHere);
    };
    return worker;
  }
}

function decodeHere({ job, bytes, resolve, reject }: Waiting): void {
  try {
    resolve(perform(job, bytes) as never);
  } catch (error) {
    reject(error);
  }
}
