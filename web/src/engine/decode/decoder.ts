/** Fetching and decoding beside the page where workers can be had, on it where not (a page opened from a file). */

import type { Files } from "../contract";
import { type Job, perform, type Results } from "./jobs";

type Result = Results[Job["type"]];

interface Waiting {
  job: Job;
  bytes: ArrayBuffer | null;
  resolve: (value: Result) => void;
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

  /** A file of a scene, decoded. What a worker cannot fetch the page asks for itself, and knows what is wrong. */
  async file(job: Job, file: string, files: Files, signal: AbortSignal): Promise<Result> {
    const address = this.#workers.length ? files.address?.(file) : undefined;
    if (address) {
      try {
        return await this.#ask(job, null, address);
      } catch {
        signal.throwIfAborted();
      }
    }
    return this.#ask(job, await files.read(file, signal));
  }

  #ask(job: Job, bytes: ArrayBuffer | null, address?: string): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { job, bytes, resolve, reject };
      if (!this.#workers.length) return decodeHere(waiting);
      const id = this.#next++;
      this.#waiting.set(id, waiting);
      // Bytes are copied, not handed over: the page decodes them itself should the worker fail to start.
      this.#workers[id % this.#workers.length].postMessage({ id, job, bytes: bytes ?? undefined, address });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<{ id: number; result?: Result; error?: string }>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error !== undefined) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result!);
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
    if (!bytes) throw new Error("no worker could be started");
    resolve(perform(job, bytes));
  } catch (error) {
    reject(error);
  }
}
