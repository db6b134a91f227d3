// Draws the Block Kit that Tangobot emits. Foreign text goes through textContent alone; a block of an unknown type is
// drawn as a loud error, so that nothing that Slack would show can be missed here.

// el makes an element. Attributes that are false, null or undefined are left out; on… are listeners.
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'class') node.className = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

// reconcile makes a box hold these items in this order, and leaves alone the nodes of those that did not change: what
// has the focus keeps it, a click that has begun ends where it began, and a screen reader hears only what is new. An item
// has a key, a sign of its content, make, and perhaps update, which changes the node that is there.
export function reconcile(box, items) {
  const old = box.kept || new Map();
  const kept = new Map();
  for (const { key, sign, make, update } of items) {
    const before = old.get(key);
    if (before && before.sign === sign) {
      kept.set(key, before);
      continue;
    }
    if (before && update) {
      update(before.node);
      kept.set(key, { sign, node: before.node });
      continue;
    }
    const node = make();
    const action = before && before.node.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
    if (before) before.node.replaceWith(node);
    if (action) {
      const again = node.querySelector('[data-action="' + CSS.escape(action) + '"]') || node;
      if (again === node) node.tabIndex = -1;
      again.focus();
    }
    kept.set(key, { sign, node });
  }
  const wanted = new Set([...kept.values()].map((k) => k.node));
  for (const node of [...box.childNodes]) if (!wanted.has(node)) node.remove();
  let at = box.firstChild;
  for (const node of wanted) {
    if (node === at) at = at.nextSibling;
    else box.insertBefore(node, at);
  }
  box.kept = kept;
}

// signs are the emoji that Tangobot uses. Like Slack, the page draws them itself, whatever fonts there are.
const signs = { '⏳': ['wait', 'waiting'], '✅': ['done', 'done'], '⛔': ['no', 'no'], '⚠️': ['warn', 'warning'], '🛑': ['no', 'stop'] };

// words gives text as nodes, with the signs drawn.
function words(text) {
  return text.split(/(⏳|✅|⛔|⚠️|🛑)/).filter(Boolean).map((part) =>
    (signs[part] ? el('span', { class: 'emoji ' + signs[part][0], role: 'img', 'aria-label': signs[part][1] }) : part));
}

const entities = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
const unescape = (s) => s.replace(/&(?:amp|lt|gt);/g, (m) => entities[m]);

// mrkdwn draws *bold*, _italic_, `code` and <…> references.
export function mrkdwn(text, people) {
  const out = el('div', { class: 'mrkdwn' });
  const pattern = /<([^<>]+)>|`([^`\n]+)`|(?<![\p{L}\p{N}*])\*([^*\n]+)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_([^_\n]+)_(?![\p{L}\p{N}_])/gu;
  let last = 0;
  for (const m of text.matchAll(pattern)) {
    out.append(...words(unescape(text.slice(last, m.index))));
    last = m.index + m[0].length;
    if (m[1] !== undefined) out.append(reference(m[1], people));
    else if (m[2] !== undefined) out.append(el('code', {}, unescape(m[2])));
    else out.append(el(m[3] !== undefined ? 'b' : 'i', {}, ...mrkdwn(m[3] ?? m[4], people).childNodes));
  }
  out.append(...words(unescape(text.slice(last))));
  return out;
}

function reference(body, people) {
  const [what, label] = body.split('|');
  if (what.startsWith('!date^')) return date(what.split('^'), label);
  if (what.startsWith('@')) {
    const person = people.find((p) => p.id === what.slice(1));
    return el('span', { class: 'mention' }, '@' + (person ? person.real_name : label || what.slice(1)));
  }
  if (what.startsWith('#')) return el('span', { class: 'mention' }, '#' + (label || what.slice(1)));
  if (what.startsWith('!subteam^')) return el('span', { class: 'mention' }, label || what.slice(9));
  if (/^https?:\/\//.test(what)) return el('a', { href: unescape(what), target: '_blank', rel: 'noopener noreferrer' }, unescape(label || what));
  return el('span', { class: 'unknown' }, 'Unknown reference: ' + body);
}

// clock is how far everybody's clock is ahead of this browser's, in milliseconds: what "today" means depends on it.
export const clock = { ahead: 0, now: () => new Date(Date.now() + clock.ahead) };

// date draws a date token in the reader's zone, in the two forms that Tangobot uses.
function date([, stamp, form], label) {
  const at = new Date(Number(stamp) * 1000);
  const shown = (form || '').replace('{time}', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })).replace('{date_short_pretty}', day(at));
  if (Number.isNaN(at.getTime()) || !shown || shown.includes('{')) return el('span', { class: 'unknown' }, 'Unknown date: ' + stamp + ' ' + form);
  return el('time', { datetime: at.toISOString(), title: label }, shown);
}

function day(at) {
  const midnight = (t) => new Date(t.getFullYear(), t.getMonth(), t.getDate());
  const away = Math.round((midnight(at) - midnight(clock.now())) / 86400000);
  return { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[away] || at.toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' });
}

export function textObject(t, people) {
  if (!t) return null;
  return t.type === 'mrkdwn' ? mrkdwn(t.text, people) : el('div', { class: 'mrkdwn' }, ...words(t.text));
}

// drawBlocks draws a list of blocks. context.people name the mentions, context.act(block, element, node) is called when a
// button is pressed, and context.input draws an input block, where there can be one.
export function drawBlocks(blocks, context) {
  return el('div', { class: 'blocks' }, ...(blocks || []).map((b) => drawBlock(b, context)));
}

const unknown = (what, type) => el('div', { class: 'unknown', role: 'alert' }, 'Unknown ' + what + ': ' + type);

function drawBlock(b, context) {
  switch (b.type) {
    case 'header': return el('h4', {}, ...words(b.text.text));
    case 'divider': return el('hr');
    case 'context':
      return el('div', { class: 'context' }, ...b.elements.map((e) => (e.type === 'image' ? unknown('element', e.type) : textObject(e, context.people))));
    case 'section': return drawSection(b, context);
    case 'actions': return el('div', { class: 'buttons' }, ...b.elements.map((e) => drawElement(b, e, context)));
    case 'alert': return el('div', { class: 'alert ' + (b.level || 'default'), role: 'note' }, textObject(b.text, context.people));
    case 'input': return context.input ? context.input(b) : unknown('block here', b.type);
    default: return unknown('block', b.type);
  }
}

function drawSection(b, context) {
  const body = el('div', {}, textObject(b.text, context.people),
    b.fields && el('div', { class: 'fields' }, ...b.fields.map((f) => textObject(f, context.people))));
  return b.accessory ? el('div', { class: 'accessory' }, body, drawElement(b, b.accessory, context)) : body;
}

function drawElement(block, e, context) {
  if (e.type !== 'button') return unknown('element', e.type);
  return el('button', {
    type: 'button', class: 'btn ' + (e.style || ''), 'aria-label': e.accessibility_label, 'data-action': e.action_id,
    onclick: (event) => context.act(block, e, event.currentTarget),
  }, e.text.text);
}
