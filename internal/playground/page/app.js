// The playground's page: pick a person, type, press buttons, fill forms, and watch Tango's accounts move beside it.

import { clock, drawBlocks, el, mrkdwn, reconcile } from './blocks.js';
import { confirmed, drawModals } from './form.js';
import { drawTango, startTango } from './tango.js';

const $ = (id) => document.getElementById(id);
const recall = (key, fallback) => { try { return JSON.parse(localStorage.getItem(key)) ?? fallback; } catch { return fallback; } };
const remember = (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* a private window forgets */ } };

let state = null;
let me = recall('person', 'U0LENA');
let place = recall('place', 'direct');
const seen = recall('seen', {});
const typed = []; // what was sent, for the arrow key

const commands = [
  ['help', 'what Tangobot understands'],
  ['balance', 'all balances, or those you name'],
  ['accounts', 'a list of accounts, with filters'],
  ['accounts status:active currency:USD', 'active accounts in US dollars'],
  ['account employee-rewards', 'one account in full'],
  ['customers', 'customers (groups of accounts)'],
  ['transfer', 'a form to ask for a transfer'],
  ['transfer 250 from employee-rewards to marketing-us', 'the same form, filled in'],
  ['deposit', 'a form to fund an account from a card'],
  ['deposit 500 to employee-rewards', 'the same form, filled in'],
  ['cards', 'registered cards'],
  ['card 1111', 'one card in full'],
  ['card register employee-rewards', 'a form to ask for a one-time link'],
  ['card remove employee-rewards', 'a form to remove a card'],
  ['account create', 'a form for a new account'],
  ['account edit marketing-us', 'a form to change its name or addresses'],
  ['customer create', 'a form for a new customer'],
  ['requests', 'open requests'],
  ['requests waiting', 'what waits for your decision'],
  ['requests in-doubt', 'what nobody is sure of'],
  ['history', 'what happened, newest first'],
  ['history csv', 'the same as a file'],
  ['alerts', 'thresholds, and who is under them'],
  ['stop', 'stops all sending (finance)'],
  ['resume', 'lets it go on'],
].map(([text, does]) => ({ text: '/tango ' + text, does }));
const examples = ['/tango balance', '/tango transfer 250 from employee-rewards to marketing-us', '/tango deposit 500 to employee-rewards', '/tango cards', '/tango alerts', '/tango help'];

const app = { send, refresh, get people() { return state.slack.people; } };

async function send(path, body) {
  try {
    const answer = await fetch('play/' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const result = await answer.json();
    if (result.error) toast(result.error);
    return result;
  } catch {
    toast('The playground does not answer. Is make run still running?');
    return {};
  }
}

function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $('toast').hidden = true; }, 7000);
}

// refresh draws the newest state. Calls that come while one is under way share one more.
let refreshing = null;
let stale = false;
let lost = false; // the playground does not answer
function refresh() {
  stale = true;
  refreshing ??= (async () => {
    try {
      while (stale) {
        stale = false;
        const next = await newest();
        if (stale || !next) continue; // somebody acted meanwhile, or nobody answers
        state = next;
        draw();
      }
    } finally {
      refreshing = null;
    }
  })();
  return refreshing;
}

async function newest() {
  try {
    const answer = await fetch('play/state?person=' + encodeURIComponent(me));
    const next = await answer.json();
    lost = false;
    return next;
  } catch {
    lost = true;
    if (state && state.slack) drawNotices();
    return null;
  }
}

function draw() {
  clock.ahead = new Date(state.now).getTime() - Date.now();
  drawTango(state);
  if (!state.slack) {
    $('messages').replaceChildren(el('p', { class: 'empty' }, 'The built-in workspace is not used: SLACK_API_URL names another server. Tangobot answers there.'));
    $('composer').hidden = true;
    return;
  }
  me = state.slack.person.id;
  drawSide();
  drawTalk();
  drawModals(me, state.slack.modals || [], app);
}

const canSignIn = (p) => p.standing !== 'deactivated' && p.standing !== 'bot';

function drawSide() {
  reconcile($('people'), state.slack.people.filter(canSignIn).map((p) => ({
    key: p.id, sign: String(p.id === me),
    make: () => el('label', { class: 'person' },
      el('input', { type: 'radio', name: 'person', value: p.id, checked: p.id === me, onchange: () => become(p.id) }),
      avatar(p), el('span', {}, p.name, el('small', {}, p.title))),
    update: (node) => { node.querySelector('input').checked = p.id === me; },
  })));
  $('who').textContent = 'You: ' + state.slack.person.name;
  const channels = state.slack.channels.map((c) => ({ id: c.id, label: c.name, sign: '#' }));
  if (place !== 'home' && place !== 'direct' && !channels.some((c) => c.id === place)) place = 'direct';
  reconcile($('channels'), channels.map(placeItem));
  reconcile($('apps'), [placeItem({ id: 'direct', label: 'Tangobot', sign: '●' })]);
}

function placeItem(p) {
  const current = p.id === place || (p.id === 'direct' && place === 'home');
  const unread = p.id === place ? 0 : messagesOf(p.id).filter((m) => m.user !== me && m.ts > (seen[me + p.id] || '')).length;
  const update = (node) => {
    const [button, , label, badge] = [node.firstChild, ...node.firstChild.children];
    if (current) button.setAttribute('aria-current', 'page'); else button.removeAttribute('aria-current');
    label.classList.toggle('new', unread > 0);
    badge.hidden = unread === 0;
    badge.firstChild.textContent = String(unread);
  };
  return {
    key: p.id, sign: JSON.stringify([p, current, unread]), update,
    make: () => {
      const node = el('li', {}, el('button', { type: 'button', 'data-place': p.id, onclick: () => go(p.id) },
        el('span', { class: 'sign', 'aria-hidden': 'true' }, p.sign), el('span', {}, p.label),
        el('span', { class: 'badge' }, el('span'), el('span', { class: 'hidden' }, ' new'))));
      update(node);
      return node;
    },
  };
}

function avatar(p) {
  const node = el('span', { class: 'avatar', 'aria-hidden': 'true' }, p.initial);
  node.style.background = p.colour;
  return node;
}

function messagesOf(id) {
  if (id === 'home') return [];
  if (id === 'direct') return state.slack.direct.messages;
  const channel = state.slack.channels.find((c) => c.id === id);
  return channel ? channel.messages : [];
}

async function become(id) {
  me = id;
  remember('person', me);
  await openPlace();
}

async function go(id) {
  place = id;
  remember('place', place);
  show('talk');
  await openPlace();
}

async function openPlace() {
  fresh = true;
  await refresh();
  if (place === 'home') { await send('home', { person: me }); await refresh(); }
}
let fresh = true; // the place or the person is another one than was drawn last

function drawTalk() {
  const app = place === 'home' || place === 'direct';
  const channel = state.slack.channels.find((c) => c.id === place);
  $('where').textContent = app ? 'Tangobot' : '# ' + channel.name;
  $('topic').textContent = app ? '' : channel.topic || '';
  $('tabs').hidden = !app;
  if (app) {
    reconcile($('tabs'), [['home', 'Home'], ['direct', 'Messages']].map(([id, label]) => ({
      key: id, sign: String(place === id),
      make: () => el('button', { type: 'button', 'aria-pressed': String(place === id), 'data-place': id, onclick: () => go(id) }, label),
      update: (node) => node.setAttribute('aria-pressed', String(place === id)),
    })));
  }
  drawNotices();
  const member = app || channel.members.includes(me);
  $('composer').hidden = place === 'home' || !member;
  $('outside').hidden = member;
  if (!member) $('outside').textContent = state.slack.person.name + ' looks into #' + channel.name + ' without being in it.';
  $('text').placeholder = app ? 'Type / for commands' : 'Message #' + channel.name + ', or / for commands';
  if (place === 'home') drawHome(); else drawMessages();
  fresh = false;
  document.body.dataset.drawn = me + ' ' + place; // whose page this is, and of what
}

function drawNotices() {
  const list = (state.problems || []).map((p) => 'Slack would refuse this or show it badly: ' + p);
  if (lost) list.unshift('The playground does not answer. This page goes on when it is back.');
  reconcile($('notices'), list.map((text) => ({ key: text, sign: text, make: () => el('p', { class: 'unknown' }, text) })));
}

function drawHome() {
  const home = state.slack.home;
  const context = { people: state.slack.people, act: (b, e, node) => press({ view: home.id }, b, e, node) };
  reconcile($('messages'), [home
    ? { key: 'home' + me, sign: home.hash, make: () => el('div', { class: 'home' }, drawBlocks(home.blocks, context)) }
    : { key: 'none', sign: me, make: () => el('p', { class: 'empty' }, 'Opening…') }]);
  if (fresh) $('messages').scrollTop = 0;
}

function drawMessages() {
  const list = messagesOf(place);
  if (list.length) {
    const last = list.reduce((most, m) => (m.ts > most ? m.ts : most), '');
    if (seen[me + place] !== last) { seen[me + place] = last; remember('seen', seen); }
  }
  const box = $('messages');
  const atEnd = fresh || box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const items = [];
  let day = '';
  for (const m of list) {
    const on = new Date(Number(m.ts) * 1000).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
    if (on !== day) items.push({ key: 'day' + place + on, sign: on, make: () => el('div', { class: 'day' }, el('span', {}, on)) });
    day = on;
    for (const [one, reply] of [[m, false], ...(m.replies || []).map((r) => [r, true])]) {
      items.push({ key: place + one.ts, sign: JSON.stringify({ ...one, replies: undefined }), make: () => drawMessage(one, reply) });
    }
  }
  if (!items.length) items.push({ key: 'none' + place, sign: '', make: welcome });
  reconcile(box, items);
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function welcome() {
  const step = (...parts) => el('li', {}, ...parts);
  return el('div', { class: 'empty' },
    el('p', {}, 'Nothing here yet. A round that shows most of it:'),
    el('ol', {},
      step('As ', el('b', {}, 'Lena'), ', type ', el('code', {}, '/tango transfer 250 from employee-rewards to marketing-us'), ' and send the form.'),
      step('As ', el('b', {}, 'Maya'), ', approve the card in ', el('b', {}, '#tango-approvals'), '. Lena cannot: try it.'),
      step('Push the clock by a minute, past the time for stopping it, and watch both accounts on Tango’s side.'),
      step('Do it again with a fault armed: ', el('i', {}, 'Money moves, the answer is lost'), '.'),
      step('Register a card: ', el('code', {}, '/tango card register marketing-us'), '. Its number is typed on a page of its own; the sandbox takes ', el('code', {}, '4111 1111 1111 1111'), '.'),
      step('Fund an account from a card: ', el('code', {}, '/tango deposit 5.55 to employee-rewards'), ' stays pending for a while, 7.55 is declined.')));
}

function drawMessage(m, reply) {
  const person = state.slack.people.find((p) => p.id === m.user);
  const bot = m.user === state.slack.bot_user;
  const sender = person || (bot ? { initial: 'T', colour: '#2f5d62', name: 'Tangobot' } : { initial: 'S', colour: '#6d4f8f', name: 'Slackbot' });
  const context = { people: state.slack.people, act: (b, e, node) => press({ channel: m.channel, ts: m.ts }, b, e, node) };
  const time = new Date(Number(m.ts) * 1000);
  return el('article', { class: 'message' + (reply ? ' reply' : '') + (m.ephemeral ? ' only' : ''), 'data-ts': m.ts, 'aria-label': 'Message of ' + sender.name },
    m.ephemeral && el('p', { class: 'private' }, 'Only visible to you'),
    avatar(sender),
    el('div', { class: 'said' },
      el('div', { class: 'by' }, el('b', {}, person ? person.real_name : sender.name), !person && el('span', { class: 'tag' }, 'APP'),
        el('time', { datetime: time.toISOString(), title: time.toLocaleString() }, time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })),
        m.edited && el('small', {}, '(edited)')),
      m.blocks && m.blocks.length ? drawBlocks(m.blocks, context) : mrkdwn(m.text || '', state.slack.people),
      m.files && m.files.length > 0 && el('div', { class: 'files' }, ...m.files.map(drawFile))));
}

function drawFile(f) {
  const size = f.size < 1024 ? f.size + ' bytes' : Math.ceil(f.size / 1024) + ' KB';
  return el('a', { class: 'file', href: 'play/files/' + encodeURIComponent(f.id) + '?person=' + encodeURIComponent(me), download: f.name, 'data-file': f.name },
    el('b', {}, f.title || f.name), el('small', {}, (f.title && f.title !== f.name ? f.name + ' · ' : '') + size + ' · download'));
}

async function press(source, block, element, node) {
  if (element.confirm && !(await confirmed(element.confirm, state.slack.people))) return;
  node.disabled = true;
  await send('click', { person: me, target: { ...source, block_id: block.block_id, action_id: element.action_id } });
  node.disabled = false;
  if (document.activeElement === document.body) node.focus();
  await refresh();
}

// The composer, with the commands that begin as what is typed.
let hinted = [];
let at = -1;

function drawHints() {
  const text = $('text').value;
  hinted = text.startsWith('/') ? commands.filter((c) => c.text.startsWith(text.toLowerCase()) && c.text !== text) : [];
  at = -1;
  $('hints').replaceChildren(...hinted.map((c, i) => el('li', { role: 'option', id: 'hint-' + i, onmousedown: (event) => { event.preventDefault(); take(c); } },
    el('code', {}, c.text), el('small', {}, c.does))));
  $('hints').hidden = !hinted.length;
  $('text').setAttribute('aria-expanded', hinted.length ? 'true' : 'false');
  $('text').removeAttribute('aria-activedescendant');
}

function take(c) { $('text').value = c.text; $('text').focus(); hideHints(); }

function hideHints() { hinted = []; $('hints').hidden = true; $('text').setAttribute('aria-expanded', 'false'); $('text').removeAttribute('aria-activedescendant'); }

function mark(n) {
  at = n;
  [...$('hints').children].forEach((li, i) => li.setAttribute('aria-selected', i === at ? 'true' : 'false'));
  $('text').setAttribute('aria-activedescendant', 'hint-' + at);
  $('hints').children[at].scrollIntoView({ block: 'nearest' });
}

$('text').addEventListener('input', drawHints);
$('text').addEventListener('blur', hideHints);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hideHints();
  else if (hinted.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault();
    if (event.key === 'ArrowDown') mark((at + 1) % hinted.length);
    else mark((at <= 0 ? hinted.length : at) - 1);
  } else if (hinted[at] && (event.key === 'Enter' || event.key === 'Tab')) {
    event.preventDefault();
    take(hinted[at]);
  } else if (event.key === 'ArrowUp' && !$('text').value && typed.length) {
    event.preventDefault();
    $('text').value = typed[typed.length - 1];
  }
});
$('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (!text) return;
  $('text').value = '';
  hideHints();
  typed.push(text);
  await send('say', { person: me, place, text });
  $('messages').scrollTop = $('messages').scrollHeight;
  await refresh();
});
$('chips').replaceChildren(...examples.map((x) => el('button', { type: 'button', onclick: () => { $('text').value = x; $('text').focus(); } }, x)));

// On a narrow screen one of the three columns shows.
function show(pane) {
  document.body.dataset.pane = pane;
  for (const b of document.querySelectorAll('.panes button')) b.setAttribute('aria-pressed', b.dataset.pane === pane ? 'true' : 'false');
}
for (const b of document.querySelectorAll('.panes button')) b.addEventListener('click', () => show(b.dataset.pane));
show('talk');

startTango(app);
const changes = new EventSource('play/changes');
changes.onmessage = () => refresh();
changes.onerror = () => { lost = true; if (state && state.slack) drawNotices(); };
if (place === 'home') openPlace();
