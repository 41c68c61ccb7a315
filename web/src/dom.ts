// Making elements. Text is only ever put in as text (B48).

type Attributes = Record<string, string | number | boolean | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

export function button(name: string, sign: string, act: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title: name, "aria-label": name }, sign);
  made.addEventListener("click", act);
  return made;
}

export function byId(id: string): HTMLElement | null {
  return document.getElementById(id);
}

/** Whether the person asked for less motion. */
export const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
