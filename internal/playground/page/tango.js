// Tango's side: what its accounts hold, what moved, what goes wrong next, and the clock that everybody shares.

import { clock, el, reconcile } from './blocks.js';

const $ = (id) => document.getElementById(id);
const balances = new Map();
let accounts = [];
let waiting = ''; // the label of the fault that was armed when this was drawn last

// drawTango draws the pane from the state.
export function drawTango(state) {
  $('pushed').textContent = state.pushed ? 'pushed ahead by ' + state.pushed : '';
  tick();
  if (!state.tango) {
    $('tango').querySelectorAll('section').forEach((s) => { s.hidden = s.getAttribute('aria-labelledby') !== 'clock-title'; });
    if (!$('elsewhere')) $('tango').append(el('p', { id: 'elsewhere', class: 'empty' }, 'The built-in Tango is not used: TANGO_API_URL names another server.'));
    return;
  }
  accounts = state.tango.accounts;
  drawAccounts();
  drawMovements(state.tango.movements);
  const select = $('fault');
  if (!select.options.length) {
    select.replaceChildren(el('option', { value: '' }, 'Nothing goes wrong'), ...state.tango.faults.map((f) => el('option', { value: f.name }, f.label)));
  }
  const armed = state.tango.armed || '';
  if (armed === waiting) return;
  waiting = armed;
  $('armed').textContent = armed ? 'Armed: ' + armed : '';
  if (!armed) select.value = '';
}

function drawAccounts() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = accounts.filter((a) => words.every((w) => (a.id + ' ' + a.name + ' ' + a.balance).toLowerCase().includes(w)));
  const moved = new Set(accounts.filter((a) => balances.has(a.id) && balances.get(a.id) !== a.balance).map((a) => a.id));
  for (const a of accounts) balances.set(a.id, a.balance);
  // What moved in this sitting stands on top, so that nobody has to look for it.
  for (const id of moved) recent.add(id);
  const first = shown.filter((a) => recent.has(a.id));
  const rest = shown.filter((a) => !recent.has(a.id));
  reconcile($('accounts'), [...first, ...rest].map((a) => ({
    key: a.id, sign: JSON.stringify(a),
    make: () => el('tr', { class: moved.has(a.id) ? 'changed' : '', 'data-account': a.id },
      el('td', {}, a.name, el('small', {}, a.id)),
      el('td', { class: 'num' }, a.balance, a.status !== 'ACTIVE' && el('small', { class: 'status' }, a.status.toLowerCase()))),
  })));
  $('counted').textContent = shown.length === accounts.length ? String(accounts.length) : shown.length + ' of ' + accounts.length;
}
const recent = new Set();

function drawMovements(movements) {
  $('moved').textContent = movements.length ? '' : 'none yet';
  reconcile($('movements'), movements.map((m, i) => ({
    key: String(movements.length - i), sign: JSON.stringify(m),
    make: () => el('li', {}, el('b', { class: 'num' }, m.amount), ' ', m.from || 'funding', ' → ', m.to || 'an order',
      el('small', {}, new Date(m.at).toLocaleString([], { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' }) + ' · ' + (m.reference || 'not Tangobot’s'))),
  })));
}

function tick() {
  $('clock').textContent = clock.now().toLocaleString([], { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

// startTango makes the pane's controls work.
export function startTango(app) {
  setInterval(tick, 1000);
  $('filter').addEventListener('input', drawAccounts);
  $('arm').addEventListener('click', async () => {
    await app.send('fault', { fault: $('fault').value });
    await app.refresh();
  });
  $('push').replaceChildren(...[['1 min', 60], ['15 min', 900], ['4 h', 14400], ['1 day', 86400]].map(([label, seconds]) =>
    el('button', { type: 'button', 'data-push': seconds, onclick: async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      await app.send('clock', { push: seconds });
      button.disabled = false;
      button.focus();
      await app.refresh();
    } }, '+' + label)));
}
