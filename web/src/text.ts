// Plain text.

import type { File } from "./delivered";
import { element } from "./dom";
import type { Stage } from "./show";
import { words } from "./words";

/** More is not laid out; the file can be saved. */
const MAX_BYTES = 1_000_000;

export function showText(room: HTMLElement, file: File): Stage {
  const abort = new AbortController();
  const page = element("pre", { tabindex: 0, "aria-label": file.label }, words.loading);
  room.append(page);
  const load = async () => {
    const answer = await fetch(file.text_url ?? "", { headers: { range: `bytes=0-${MAX_BYTES - 1}` }, signal: abort.signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    page.textContent = await answer.text();
    if ((file.size ?? 0) > MAX_BYTES) room.append(element("p", { class: "message" }, words.tooLong));
  };
  load().catch(() => {
    if (!abort.signal.aborted) page.textContent = words.failed;
  });
  return { close: () => abort.abort() };
}
