// What the delivery service says of a title: the page carries the first files, the service gives the rest.

export interface File {
  pid: string;
  label: string;
  file_name: string;
  mime_type?: string;
  /** Whether what is given carries a mark: it is made when it is asked for. */
  marked?: boolean;
  family: string;
  size?: number;
  width?: number;
  height?: number;
  duration_ms?: number;
  thumbnail_url: string;
  thumbnail?: { width: number; height: number };
  content_url?: string;
  download_url?: string;
  text_url?: string;
}

export interface Delivered {
  link: string;
  title: string;
  representation: { id: string; label?: string };
  file: File[];
  next?: string;
}

/** How the pages of this title are turned; the server knows it from the stored structure. */
export interface Turning {
  paged: boolean;
  rightToLeft: boolean;
}

export function readPage(): Delivered {
  const data = document.getElementById("delivered");
  return JSON.parse(data?.textContent ?? "") as Delivered;
}

export async function ask(address: string, init: RequestInit = {}): Promise<Response> {
  return fetch(address, { ...init, headers: { accept: "application/json", ...init.headers } });
}

/** The next page of files. */
export async function more(delivered: Delivered): Promise<File[]> {
  if (!delivered.next) return [];
  const address = `${delivered.link}?limit=500&next=${encodeURIComponent(delivered.next)}`;
  const answer = await ask(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = (await answer.json()) as Delivered;
  delivered.file.push(...page.file);
  delivered.next = page.next;
  return page.file;
}

/** How often a copy that is being made is asked for. */
const TRIES = 24;

/**
 * Where a file's bytes are now: the service redirects to a link of the storage that lives for minutes. A copy with a mark on
 * it may still be made: then the service says when to ask again.
 */
export async function resolve(address: string): Promise<string> {
  for (let tried = 1; ; tried += 1) {
    const abort = new AbortController();
    const answer = await fetch(address, { headers: { range: "bytes=0-0" }, signal: abort.signal });
    const { url, ok, status } = answer;
    const wait = Number(answer.headers.get("retry-after")) || 5;
    abort.abort();
    if (ok) return url;
    if (status !== 503 || tried >= TRIES) throw new Error(`${status}`);
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
}
