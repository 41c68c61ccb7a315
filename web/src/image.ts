// Pictures and pages of books, with zoom.

import OpenSeadragon from "openseadragon";
import { resolve, type File } from "./delivered";
import { button, calm, element } from "./dom";
import { isNative, type Stage } from "./show";
import { words } from "./words";

/** Where the picture is. One with a mark on it is waited for; the other is there. */
async function address(file: File): Promise<string> {
  if (!isNative(file) || !file.content_url) return `${file.thumbnail_url}?size=1024`;
  return file.marked ? resolve(file.content_url) : file.content_url;
}

/**
 * OpenSeadragon adds a style that hides the focus on phones, unless it finds that it has. This only looks like it to a
 * selector: a style of the page itself is what its policy forbids.
 */
function keepFocusVisible(): void {
  if (document.querySelector("style[data-openseadragon-mobile-css]")) return;
  const found = document.createElementNS("urn:vitrine", "style");
  found.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(found);
}

/** Shows one picture, or two pages that face each other: the one to the left first. */
export function showImages(room: HTMLElement, files: File[]): Stage {
  const canvas = element("div", { class: "canvas" });
  // The room for the picture is settled before it is drawn. The buttons know the viewer when they are pressed.
  const zoom = (by: number) => {
    viewer.viewport.zoomBy(by);
    viewer.viewport.applyConstraints();
  };
  const tools = element(
    "div",
    { class: "tools", role: "group", "aria-label": "Picture" },
    button(words.zoomIn, "+", () => zoom(1.5)),
    button(words.zoomOut, "−", () => zoom(1 / 1.5)),
    button(words.fit, words.fit, () => viewer.viewport.goHome()),
    button(words.rotate, words.rotate, () => viewer.viewport.setRotation(viewer.viewport.getRotation() + 90)),
  );
  room.append(canvas, tools);
  const still = calm();
  keepFocusVisible();
  const viewer = OpenSeadragon({
    element: canvas,
    showNavigationControl: false,
    // Pictures come from the storage's own origin, and are only drawn.
    drawer: ["canvas"],
    crossOriginPolicy: false,
    visibilityRatio: 0.5,
    maxZoomPixelRatio: 4,
    animationTime: still ? 0 : 0.5,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  });
  let x = 0;
  let failed = false;
  let closed = false;
  const fail = () => {
    if (failed || closed) return;
    failed = true;
    room.append(element("p", { class: "message", role: "status" }, words.failed));
  };
  for (const file of files) {
    const { width, height } = file.width && file.height ? { width: file.width, height: file.height } : (file.thumbnail ?? { width: 3, height: 4 });
    const wide = width / height;
    const left = x;
    const show = (url: string) => {
      if (closed) return;
      viewer.addTiledImage({
        tileSource: { type: "image", url } as unknown as string,
        x: left,
        height: 1,
        success: () => viewer.viewport.goHome(true),
        error: fail,
      });
    };
    address(file).then(show, fail);
    x += wide;
  }
  // The picture is described to those who do not see it; the drawing area itself takes the arrow keys.
  viewer.canvas.setAttribute("role", "img");
  viewer.canvas.setAttribute("aria-label", files.map((it) => it.label).join(", "));
  return {
    close: () => {
      closed = true;
      viewer.destroy();
    },
  };
}
