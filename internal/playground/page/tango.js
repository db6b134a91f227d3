// Tango's side: what its accounts hold, what moved, what goes wrong next, and the clock that everybody shares.

import { clock, el, reconcile } from './blocks.js';

const $ = (id) => document.getElementById(id);
const balances = new Map();
let accounts = [];
let recent = new Set(); // ids of accounts whose money moved lately
let waiting = ''; // what was armed when this was drawn last
let calls = []; // what can go wrong with which

// drawTango draws the pane from the state.
export function drawTango(state) {
  $('pushed').textContent = state.pushed ? 'pushed ahead by ' + state.pushed : '';
  tick();
  if (!state.tango) {
    $('tango').querySelectorAll('section').forEach((s) => { s.hidden = s.getAttribute('aria-labelledby') !== 'clock-title'; });
    for (const id of ['deposits-box', 'cards-box']) $(id).hidden = true;
    if (!$('elsewhere')) $('tango').append(el('p', { id: 'elsewhere', class: 'empty' }, 'The built-in Tango is not used: TANGO_API_URL names another server.'));
    return;
  }
  accounts = state.tango.accounts;
  recent = new Set(state.tango.movements.slice(0, 3).flatMap((m) => [m.from, m.to]));
  drawAccounts();
  drawMovements(state.tango.movements);
  drawDeposits(state.tango.deposits);
  drawCards(state.tango.cards);
  drawHands();
  calls = state.tango.calls;
  if (!$('call').options.length) {
    $('call').replaceChildren(...calls.map((c) => el('option', { value: c.name }, c.label)));
    drawFaults();
  }
  const armed = state.tango.armed || '';
  if (armed === waiting) return;
  waiting = armed;
  $('armed').textContent = armed ? 'Armed: ' + armed : '';
  if (!armed) $('fault').value = '';
}

function drawFaults() {
  const chosen = calls.find((c) => c.name === $('call').value);
  $('fault').replaceChildren(el('option', { value: '' }, 'Nothing goes wrong'), ...chosen.faults.map((f) => el('option', { value: f.name }, f.label)));
}

// drawHands lists the accounts that others than Tangobot can touch, and keeps the one that was picked.
function drawHands() {
  const open = accounts.filter((a) => a.status === 'ACTIVE' || a.status === 'FROZEN');
  reconcile($('hands'), open.map((a) => ({ key: a.id, sign: a.name, make: () => el('option', { value: a.id }, a.name) })));
  const chosen = open.find((a) => a.id === $('hands').value);
  $('freeze').textContent = chosen && chosen.status === 'FROZEN' ? 'Unfreeze' : 'Freeze';
}

function drawAccounts() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = accounts.filter((a) => words.every((w) => (a.id + ' ' + a.name + ' ' + a.balance).toLowerCase().includes(w)));
  const changed = new Set(accounts.filter((a) => balances.has(a.id) && balances.get(a.id) !== a.balance).map((a) => a.id));
  for (const a of accounts) balances.set(a.id, a.balance);
  // The accounts of the last movements stand on top, so that nobody has to look for them.
  const first = shown.filter((a) => recent.has(a.id));
  const rest = shown.filter((a) => !recent.has(a.id));
  reconcile($('accounts'), [...first, ...rest].map((a) => ({
    key: a.id, sign: JSON.stringify(a),
    make: () => el('tr', { class: changed.has(a.id) ? 'changed' : '', 'data-account': a.id },
      el('td', {}, a.name, el('small', {}, a.id)),
      el('td', { class: 'num' }, a.balance, a.status !== 'ACTIVE' && el('small', { class: 'status' }, a.status.toLowerCase()))),
  })));
  $('counted').textContent = shown.length === accounts.length ? String(accounts.length) : shown.length + ' of ' + accounts.length;
}

function drawMovements(movements) {
  $('moved').textContent = movements.length ? '' : 'none yet';
  reconcile($('movements'), movements.map((m, i) => ({
    key: String(movements.length - i), sign: JSON.stringify(m),
    make: () => el('li', {}, el('b', { class: 'num' }, m.amount), ' ', m.from || 'funding', ' → ', m.to || 'an order',
      el('small', {}, moment(m.at) + ' · ' + (m.reference || 'not Tangobot’s'))),
  })));
}

// moment tells the year too when it is another one.
const moment = (t) => new Date(t).toLocaleString([], { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit',
  year: new Date(t).getFullYear() === clock.now().getFullYear() ? undefined : 'numeric' });

function drawDeposits(deposits) {
  $('deposited').textContent = String(deposits.length);
  reconcile($('deposits'), deposits.map((d) => ({
    key: d.id, sign: JSON.stringify(d),
    make: () => el('li', { 'data-deposit': d.id }, el('b', { class: 'num' }, d.amount), ' → ', d.account, ' ', el('span', { class: 'state ' + d.status.toLowerCase() }, d.status.toLowerCase()),
      el('small', {}, (d.charged ? 'charged ' + d.charged + ' · ' : '') + moment(d.at) + ' · ' + d.id + ' · ' + (d.reference || 'not Tangobot’s'))),
  })));
}

function drawCards(cards) {
  $('carded').textContent = String(cards.filter((k) => k.status === 'ACTIVE').length) + ' active';
  reconcile($('cards'), cards.map((k) => {
    const rests = new Date(k.from) > clock.now();
    return {
      key: k.token, sign: JSON.stringify([k, rests]),
      make: () => el('li', { 'data-card': k.last }, el('b', {}, k.label), ' …' + k.last, ' ', el('span', { class: 'state ' + (rests ? 'pending' : k.status.toLowerCase()) }, rests ? 'resting' : k.status.toLowerCase()),
        el('small', {}, 'funds ' + k.account + ' · expires ' + k.expires + (rests ? ' · can be charged from ' + moment(k.from) : ''))),
    };
  }));
}

function tick() {
  $('clock').textContent = clock.now().toLocaleString([], { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

// startTango makes the pane's controls work.
export function startTango(app) {
  setInterval(tick, 1000);
  $('filter').addEventListener('input', drawAccounts);
  $('arm').addEventListener('click', async () => {
    await app.send('fault', { call: $('call').value, fault: $('fault').value });
    await app.refresh();
  });
  $('call').addEventListener('change', drawFaults);
  $('hands').addEventListener('change', drawHands);
  for (const act of ['spend', 'freeze']) {
    $(act).addEventListener('click', async () => {
      await app.send(act, { account: $('hands').value });
      await app.refresh();
    });
  }
  $('push').replaceChildren(...[['1 min', 60], ['15 min', 900], ['4 h', 14400], ['1 day', 86400]].map(([label, seconds]) =>
    el('button', { type: 'button', 'data-push': seconds, onclick: async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      await app.send('clock', { push: seconds });
      button.disabled = false;
      if (document.activeElement === document.body) button.focus(); // unless the person has gone on elsewhere
      await app.refresh();
    } }, '+' + label)));
}
