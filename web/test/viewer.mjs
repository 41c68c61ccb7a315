// Looks at pages of a running system in a browser. The addresses come from the test that made the titles, as JSON in
// VITRINE_PAGES; pictures of what was seen go to the folder VITRINE_PICTURES where that is set.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Browser } from "./browser.mjs";

const given = JSON.parse(process.env.VITRINE_PAGES);
const pictures = process.env.VITRINE_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = Browser.start();

async function look(name, address, see, options) {
  const page = await browser.page(options);
  try {
    await page.go(address);
    await see(page);
    await page.value("scrollTo(0, 0)");
    if (pictures) await page.picture(join(pictures, `${name}.png`));
    // VIEW-6: nothing serious, on any page in any state that we look at.
    await page.value(`${axe}; 1`);
    const { violations } = await page.value(`axe.run(document, { resultTypes: ["violations"] })
      .then((it) => ({ violations: it.violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html).slice(0, 3) })) }))`);
    const bad = violations.filter((it) => ["serious", "critical"].includes(it.impact));
    assert.deepEqual(bad, [], `${name}: accessibility`);
    // VIEW-5: every host that was asked is ours, and the page's own policy was never hit.
    const hosts = new Set(page.requests.filter((it) => it.startsWith("http")).map((it) => new URL(it).host));
    for (const host of hosts) assert.ok(given.hosts.includes(host), `${name}: asked ${host}`);
    assert.deepEqual(page.complaints.filter((it) => !it.includes("favicon") && !(["denied", "declared", "seated"].includes(name) && it.includes("403"))), [], `${name}: complaints`);
    console.log(`seen: ${name} (${page.requests.length} requests, hosts ${[...hosts].join(" ")})`);
  } catch (error) {
    if (pictures) await page.picture(join(pictures, `${name}-failed.png`)).catch(() => {});
    console.error(`${name}: ${error.message}\n  complaints: ${page.complaints.join("\n  ")}`);
    process.exitCode = 1;
  } finally {
    await page.close();
  }
}

/** Whether the drawing area holds anything but its background. */
const DRAWN = `(() => {
  const canvas = document.querySelector(".canvas canvas");
  return Boolean(canvas && canvas.width > 100);
})()`;

/** What hangs over the side of the window, or nothing. */
const WIDE = `document.documentElement.scrollWidth <= innerWidth ? "" :
  [...document.querySelectorAll("body *")].filter((it) => it.getBoundingClientRect().right > innerWidth)
    .map((it) => it.tagName + "#" + it.id + "." + it.className).slice(0, 10).join(" ") || "?"`;

const title = (page) => page.value("document.querySelector('h1').textContent");

const sights = {
  async image(page) {
    await page.until(DRAWN, "a picture");
    await page.value("document.querySelector('[aria-label=\"Zoom in\"]').click()");
    await page.until("performance.getEntriesByType('resource').some((it) => it.name.includes('/content'))", "the picture itself");
    assert.equal(await page.value("document.querySelectorAll('#files li').length"), 1);
  },
  async book(page) {
    await page.until(DRAWN, "a page");
    const number = "document.querySelector('.pages input').value";
    assert.equal(await page.value(number), "1");
    // Everything by keyboard: to the viewer, then page by page (VIEW-6).
    await page.value("document.querySelector('.pages button').focus()");
    await page.value("document.querySelector('.pages input').focus()");
    await page.value("document.querySelector('.pages button:last-of-type').focus()");
    await page.press("PageDown");
    await page.until(`${number} === "2"`, "the second page");
    assert.match(await page.value("location.hash"), /^#file=13\d+$/);
    await page.until("document.querySelector('[role=img]').getAttribute('aria-label').includes(', ')", "two pages that face each other");
    await page.press("End");
    await page.until(`${number} === document.querySelector('.pages input').max`, "the last page");
    assert.ok(await page.value("document.querySelector('.pages button').disabled === false"));
    // The table of contents leads to a page.
    await page.value("document.querySelector('#contents a').click()");
    await page.until(`document.querySelector('#contents a').hash === location.hash`, "the chapter");
    await page.until(DRAWN, "its page");
  },
  async pdf(page) {
    await page.until("document.querySelector('.textLayer span')?.textContent.length > 0", "text of the document");
    await page.value(`(() => { const it = document.querySelector(".tools input[type=search]"); it.value = "the"; it.dispatchEvent(new Event("input")); })()`);
    await page.until("/^\\d+ of [1-9]/.test(document.querySelector('.tools output').textContent)", "a place found");
  },
  async audio(page) {
    await page.until("document.querySelector('audio').readyState >= 1 && document.querySelector('audio').duration > 0", "sound");
  },
  async video(page) {
    await page.until("document.querySelector('video').readyState >= 2", "film");
    await page.until("document.querySelector('video').textTracks[0]?.cues?.length > 0", "captions");
    await page.until("document.querySelectorAll('.transcript li').length > 0", "a transcript");
    await page.value("document.querySelector('.transcript summary').click()");
    await page.value("document.querySelectorAll('.transcript button')[1].click()");
    await page.until("document.querySelector('.transcript [aria-current]')", "the line that is said");
    // Captions have no place of their own.
    assert.equal(await page.value("[...document.querySelectorAll('#files li')].filter((it) => it.offsetParent).length"), 1);
  },
  async text(page) {
    await page.until("document.querySelector('.room pre')?.textContent.includes('Call me Ishmael')", "text");
  },
  async denied(page) {
    assert.match(await page.value("document.querySelector('#notice').textContent"), /Ask at the desk/);
    assert.equal(await page.value("document.querySelectorAll('#files, #delivered').length"), 0);
  },
  async hostile(page) {
    await page.until("!document.querySelector('#viewer').hidden", "the viewer");
    assert.equal(await title(page), given.hostileTitle);
    assert.equal(await page.value("window.hacked"), undefined);
    assert.equal(await page.value("document.querySelectorAll('main script:not([type]), main iframe, main [onerror], main [onclick]').length"), 0);
  },
};

// A declaration is refused and accepted, and the files are there (A12).
sights.declared = async (page) => {
  assert.match(await page.value("document.querySelector('#notice').textContent"), /I shall not copy/);
  const button = (name) => `[...document.querySelectorAll('#notice button')].find((it) => it.textContent === '${name}')`;
  // The page that is left is still there for a moment, and the new one not yet whole.
  await page.value(`window.left = true; ${button("Refuse")}.click()`);
  await page.until(`!window.left && document.readyState === 'complete' && ${button("Accept")}`, "the page anew");
  await page.value(`${button("Accept")}.click()`);
  await page.until("!document.querySelector('#notice') && document.querySelector('#viewer')", "the title");
  await page.until(DRAWN, "its picture");
};
// One seat: whoever comes second waits, and is let in by itself when the first one leaves (A15, A17).
sights.seated = async (page) => {
  await page.value("document.querySelector('#seat button').click()");
  await page.until("document.querySelector('#viewer') && !document.querySelector('#notice')", "a seat");
  await page.until(DRAWN, "the picture");
  const other = await browser.stranger();
  try {
    await other.go(given.pages.seated);
    await other.value("document.querySelector('#seat button').click()");
    await other.until("/number 1 in line/.test(document.querySelector('#standing').textContent)", "a place in the line");
    if (pictures) await other.picture(join(pictures, "waiting.png"));
    await page.go("about:blank");
    await other.until("document.querySelector('#viewer') && !document.querySelector('#notice')", "the seat that was left");
  } finally {
    await other.close();
  }
  await page.go(given.pages.image);
};

for (const [name, see] of Object.entries(sights)) await look(name, given.pages[name], see);
// 200 % zoom and a narrow screen are the same thing to a page; nothing hangs over its side.
const fits = async (page) => {
  await page.until(DRAWN, "a page");
  assert.equal(await page.value(WIDE), "");
};
await look("zoomed", given.pages.book, fits, { width: 640, height: 512, scale: 2 });
await look("narrow", given.pages.pdf, async (page) => {
  await sights.pdf(page);
  assert.equal(await page.value(WIDE), "");
}, { width: 360, height: 700 });
await look("calm", given.pages.book, sights.book, { calm: true });
await browser.close();
