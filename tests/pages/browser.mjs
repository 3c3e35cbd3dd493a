// Opens links in Chromium as a person does: reads, types, presses buttons. It speaks the DevTools protocol over a pipe.
//
// On stdin: {"javascript": true, "steps": [...]}. A step is one of
//   {"open": url}                        a page is opened
//   {"type": text, "into": selector}     a field is clicked and text is typed
//   {"click": selector}                  something is clicked, and the page that follows is waited for
//   {"picture": file, "width": pixels}   a screenshot of the whole page
// On stdout: one line of JSON, an array with what is seen after each step: {url, title, heading, alert, text, language, overflow,
// unlabelled, refused}.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATIENCE = 60_000;

const profile = mkdtempSync(join(tmpdir(), 'parsefleet-browser-'));
const flags = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--hide-scrollbars',
  `--user-data-dir=${profile}`, 'about:blank'];
const chromium = spawn(process.env.CHROMIUM ?? 'chromium', flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const [, , , commands, events] = chromium.stdio;

const waiting = new Map();
const listeners = new Set();
let last = 0;
let rest = '';
events.setEncoding('utf8');
events.on('data', text => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages.map(text => JSON.parse(text))) {
    const { id, result, error } = message;
    if (id === undefined) {
      listeners.forEach(listener => listener(message));
      continue;
    }
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    error ? reject(new Error(error.message)) : resolve(result);
  }
});

let sessionId;
function send(method, params = {}) {
  const id = ++last;
  commands.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function happens(method) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${method} did not happen`)), PATIENCE);
    const listener = message => {
      if (message.method !== method) return;
      clearTimeout(timer);
      listeners.delete(listener);
      resolve(message.params);
    };
    listeners.add(listener);
  });
}

// What the page's policy refused, and what it asked other hosts for.
const refused = [];
listeners.add(({ method, params }) => {
  if (method === 'Audits.issueAdded') refused.push(params.issue.code);
  if (method === 'Log.entryAdded' && params.entry.level === 'error') refused.push(params.entry.text);
});

async function place(selector) {
  const { root } = await send('DOM.getDocument');
  const { nodeId } = await send('DOM.querySelector', { nodeId: root.nodeId, selector });
  if (!nodeId) throw new Error(`nothing is ${selector}`);
  await send('DOM.scrollIntoViewIfNeeded', { nodeId });
  const { model } = await send('DOM.getBoxModel', { nodeId });
  const [x1, y1, , , x2, y2] = model.content;
  return { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}

async function click(selector) {
  const { x, y } = await place(selector);
  for (const type of ['mousePressed', 'mouseReleased']) {
    await send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
  }
}

async function resize(width) {
  await send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 });
}

async function look() {
  const expression = `({
    url: location.href, title: document.title, language: document.documentElement.lang,
    heading: document.querySelector('h1')?.innerText ?? null,
    alert: document.querySelector('[role=alert]')?.innerText ?? null,
    text: document.body.innerText,
    overflow: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    unlabelled: [...document.querySelectorAll('input:not([type=hidden])')].filter(field => !field.labels.length).length,
  })`;
  const { result } = await send('Runtime.evaluate', { expression, returnByValue: true });
  return { ...result.value, refused: [...refused] };
}

async function step({ open, type, into, click: target, picture, width }) {
  if (open) {
    const loaded = happens('Page.loadEventFired');
    const { errorText } = await send('Page.navigate', { url: open });
    if (errorText) throw new Error(`${errorText}: ${new URL(open).origin}`);
    await loaded;
  } else if (into) {
    await click(into);
    await send('Input.insertText', { text: type });
  } else if (target) {
    const loaded = happens('Page.loadEventFired');
    await click(target);
    await loaded;
  } else if (picture) {
    await resize(width);
    const seen = await look();
    const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    writeFileSync(picture, Buffer.from(data, 'base64'));
    return seen;
  }
  return look();
}

try {
  const { javascript = true, steps } = JSON.parse(readFileSync(0, 'utf8'));
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  ({ sessionId } = await send('Target.attachToTarget', { targetId, flatten: true }));
  for (const domain of ['Page', 'DOM', 'Log', 'Audits']) await send(`${domain}.enable`);
  if (!javascript) await send('Emulation.setScriptExecutionDisabled', { value: true });
  await resize(1280);
  const seen = [];
  for (const one of steps) seen.push(await step(one));
  console.log(JSON.stringify(seen));
} finally {
  const gone = new Promise(resolve => chromium.once('exit', resolve));
  const force = setTimeout(() => chromium.kill('SIGKILL'), 10_000);
  // Asked to, it ends its helpers too, which otherwise go on writing into the profile.
  sessionId = undefined;
  send('Browser.close').catch(() => {});
  await gone;
  clearTimeout(force);
  try {
    rmSync(profile, { recursive: true, force: true });
  } catch {
    // A helper that outlived it leaves a folder in /tmp: nothing that a test is about.
  }
}
