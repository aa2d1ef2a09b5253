/**
 * The one place where an address becomes bytes: from files that the page carries inside, else from the server.
 *
 * A page that holds everything in one file puts its files in `globalThis.__DOTHI_FILES__`, by the same addresses that the
 * server has (`api/study`), as base64 text, packed with gzip or not.
 */

import { NotFound, ServerGone, WrongAnswer } from "./problems";
import type { ProblemFacts, ProblemsFacts } from "./schema";

declare global {
  var __DOTHI_FILES__: Record<string, string> | undefined;
}

/** Whether the page carries its files inside: then there is nobody to send anything to. */
export const isAlone = (): boolean => globalThis.__DOTHI_FILES__ !== undefined;

/** Send something to the server; what it answers, if it is JSON. */
export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ServerGone(path);
  }
  if (answer.status === 404) throw new NotFound(path, await problemsOf(answer));
  if (!answer.ok) throw new WrongAnswer(path, answer.status, await problemsOf(answer));
  return (answer.status === 204 ? undefined : await answer.json().catch(() => undefined)) as T;
}

/** What was asked for before anybody needed it, until somebody does. */
const early = new Map<string, Promise<ArrayBuffer>>();

/** Ask for what will be needed; `bytes` then gives it once. */
export function ahead(path: string): Promise<ArrayBuffer> {
  const asked = fetchBytes(path);
  asked.catch(() => {}); // whoever needs it is told
  early.set(path, asked);
  return asked;
}

/** Bytes at an address relative to the page, such as `api/study`. */
export function bytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const asked = early.get(path);
  early.delete(path);
  return asked ?? fetchBytes(path, signal);
}

async function fetchBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const inside = globalThis.__DOTHI_FILES__;
  if (inside) {
    if (!(path in inside)) throw new NotFound(path);
    return unpack(inside[path]);
  }
  let answer: Response;
  try {
    answer = await fetch(path, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerGone(path);
  }
  if (answer.status === 404) throw new NotFound(path, await problemsOf(answer));
  if (!answer.ok) throw new WrongAnswer(path, answer.status, await problemsOf(answer));
  try {
    return await answer.arrayBuffer();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerGone(path);
  }
}

export async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await bytes(path, signal))) as T;
}

async function unpack(text: string): Promise<ArrayBuffer> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) return packed.buffer;
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function problemsOf(answer: Response): Promise<ProblemFacts[]> {
  try {
    return ((await answer.json()) as Partial<ProblemsFacts>).problems ?? [];
  } catch {
    return [];
  }
}
