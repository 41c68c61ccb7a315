// Copying the permalink, the citation and the code to embed.

import { button } from "./dom";
import { words } from "./words";

export function startShare(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>("#share input[readonly], #share textarea[readonly]")) {
    field.addEventListener("focus", () => field.select());
    const copy = button(`Copy ${field.labels?.[0]?.textContent ?? ""}`.trim(), "Copy", () => {
      void navigator.clipboard.writeText(field.value).then(() => (copy.textContent = words.copied));
    });
    field.after(copy);
  }
}
